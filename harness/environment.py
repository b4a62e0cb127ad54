"""The environment of the processes that the demo and the tests start: built, not inherited.

A developer's shell has AIRFLOW_*, AWS_*, KUBECONFIG, HTTPS_PROXY, PYTHONPATH or PYTHONDONTWRITEBYTECODE set, and each
of them changes what these processes do (the last one makes every Airflow process start 5 s later).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_KEPT = ("LANG", "LC_ALL", "TERM", "TMPDIR", "TZ")


def clean_environment(home: Path) -> dict[str, str]:
    """Variables for a child process of this interpreter's environment; caches and the like go under `home`."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        "LANG": "C.UTF-8",
        **kept,
        "HOME": str(home),
        "NO_PROXY": "*",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONUNBUFFERED": "1",
    }


def cache_folder(*parts: str) -> Path:
    """A folder of this project below the user's cache, made if missing."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root, "airflow-ack-sagemaker", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
