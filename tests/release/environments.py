"""Empty environments with the wheel of `dist/`: each Python that is supported, the oldest and the newest Airflow.

make test-release
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.release.artifacts import ROOT

PYTHONS = ("3.11", "3.12", "3.13")
CONSTRAINTS = {"3.1": "floor", "3.3": "newest"}
"""The minor versions of Airflow at both ends of what is supported, and the constraints that have them."""
PAIRS = [(python, airflow) for python in PYTHONS for airflow in CONSTRAINTS]
_FOLDER = ROOT / ".venv" / "release"


def folder(python: str, airflow: str) -> Path:
    """Where the environment is."""
    return _FOLDER / f"python{python}-airflow{airflow}"


def interpreter(version: str) -> str:
    """A Python of a minor version: the one on PATH, one of pyenv's, else the one that uv finds or fetches."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for found in (shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        asked = [str(found), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # A shim of pyenv may be there and refuse.
        if found and subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return str(found)
    return version


def install(python: str, airflow: str) -> None:
    """Make an environment anew: with the user's own settings for indexes, certificates, proxies."""
    there = folder(python, airflow)
    print(f"Python {python}, Airflow {airflow}", flush=True)
    uv = str(Path(sys.executable).parent / "uv")
    made = [uv, "venv", "--quiet", "--clear", "--no-project", "--python", interpreter(python), str(there)]
    subprocess.run(made, check=True)
    (wheel,) = (ROOT / "dist").glob("*.whl")
    constraints = ROOT / "constraints" / f"{CONSTRAINTS[airflow]}.txt"
    installed = [uv, "pip", "install", "--quiet", "--python", str(there / "bin" / "python")]
    subprocess.run([*installed, "--constraints", str(constraints), f"{wheel}[sandbox]"], check=True)


if __name__ == "__main__":
    for pair in PAIRS:
        install(*pair)
