"""The wheel and the sdist, built from what git knows of the working tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked() -> list[str]:
    """The files that are committed, or are about to be."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


def copy(folder: Path, *, time: float, mask: int) -> Path:
    """The tracked files in a folder, as if they had been checked out at another time by another user.

    :param time: when, as Unix time.
    :param mask: the umask of that user.
    """
    for name in tracked():
        there = folder / name
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, there)
        there.chmod((0o777 if os.access(ROOT / name, os.X_OK) else 0o666) & ~mask)
        os.utime(there, (time, time))
    return folder


def build(source: Path, into: Path, **environment: str) -> dict[str, Path]:
    """Both artifacts of a folder, by their kind: ``whl`` and ``gz``."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(into)]
    subprocess.run(command, cwd=source, env={**os.environ, **environment}, capture_output=True, check=True)
    return {path.suffix[1:]: path for path in into.iterdir()}
