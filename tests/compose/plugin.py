"""Docker Compose 2: the user's, or one that is built once from its Go module."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.environment import cache_folder
from tests.compose.engine import NoDocker

VERSION = "v2.40.3"
_MODULE = "github.com/docker/compose/v2"
_OLDEST = (2, 20, 2)  # the first with `required: false`


def built() -> Path:
    """Where the one that is built lies, whether it is there or not."""
    return cache_folder("compose") / f"docker-compose-{VERSION}"


def command(environment: dict[str, str]) -> list[str]:
    """How to call Compose. :raises NoDocker: there is none yet."""
    asked = subprocess.run(
        ["docker", "compose", "version", "--short"], env=environment, capture_output=True, text=True, check=False
    )
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", asked.stdout)
    if asked.returncode == 0 and found and tuple(map(int, found.groups())) >= _OLDEST:
        return ["docker", "compose"]
    if built().exists():
        return [str(built())]
    raise NoDocker(f"There is no Docker Compose {'.'.join(map(str, _OLDEST))} or newer.")


def build() -> None:
    """Build it (3 minutes from a cold cache), with its own go.mod and go.sum. :raises NoDocker: there is no Go."""
    if shutil.which("go") is None:
        raise NoDocker("There is no Docker Compose, and no Go to build it with: install Docker's Compose plugin.")
    print(f"building Docker Compose {VERSION} (once, 3 minutes)", flush=True)
    answer = subprocess.run(
        ["go", "mod", "download", "-json", f"{_MODULE}@{VERSION}"], cwd="/", stdout=subprocess.PIPE, check=True
    )
    with tempfile.TemporaryDirectory(dir=built().parent) as folder:
        sources, program = Path(folder, "sources"), Path(folder, "program")
        shutil.copytree(json.loads(answer.stdout)["Dir"], sources)
        flags = f"-s -w -X {_MODULE}/internal.Version={VERSION}"
        subprocess.run(
            ["go", "build", "-trimpath", "-ldflags", flags, "-o", str(program), "./cmd"],
            cwd=sources,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"},
            check=True,
        )
        program.rename(built())
        # The module cache is read-only, and so is its copy.
        subprocess.run(["chmod", "-R", "u+w", str(sources)], check=True)
