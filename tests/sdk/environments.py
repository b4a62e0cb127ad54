"""The SageMaker Python SDKs that are tested with, each in a virtual environment of its own in the user's cache.

They bring some hundred packages, older ones of what this project needs among them.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from harness.environment import cache_folder

SDKS = {
    2: ("sagemaker==2.257.7",),
    3: ("sagemaker==3.27.0", "sagemaker-mlops==1.27.0"),
}
"""What is installed for each major version of the SDK."""


def sdk_python(major: int) -> Path:
    """The interpreter of an SDK's environment, which is made if it is missing."""
    wanted = SDKS[major]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(" ".join((*wanted, version)).encode()).hexdigest()[:8]
    folder = cache_folder("sdk") / f"{major}-{digest}"
    python, made = folder / "bin" / "python", folder / "installed"
    if not made.exists():
        uv = Path(sys.executable).parent / "uv"
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, folder], check=True
        )
        command: list[str | Path] = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted]
        subprocess.run(command, check=True)
        made.touch()
    return python
