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

_MADE = "installed"


def sdk_python(major: int) -> Path:
    """The interpreter of an SDK's environment.

    :raises FileNotFoundError: it is not installed.
    """
    folder = _folder(major)
    if not (folder / _MADE).exists():
        raise FileNotFoundError(
            f"{folder} is not there: make test-sdk installs it, as `python -m tests.sdk.environments`"
        )
    return folder / "bin" / "python"


def install(major: int) -> None:
    """Make an SDK's environment if it is missing: with the user's own settings for indexes, certificates, proxies."""
    folder = _folder(major)
    if (folder / _MADE).exists():
        return
    print(f"Installing {' '.join(SDKS[major])} in {folder}", flush=True)
    uv = str(Path(sys.executable).parent / "uv")
    python = str(folder / "bin" / "python")
    made = [uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, str(folder)]
    subprocess.run(made, check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *SDKS[major]], check=True
    )
    (folder / _MADE).touch()


def _folder(major: int) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(" ".join((*SDKS[major], version)).encode()).hexdigest()[:8]
    return cache_folder("sdk") / f"{major}-{digest}"


if __name__ == "__main__":
    for each in SDKS:
        install(each)
