"""The first half of `make compose-test`, with the network and the user's own settings for it: what has to be fetched.

    python -m tests.compose.prepare

The second half, pytest, runs without these settings, as all tests do.
"""

from __future__ import annotations

import os
import sys
import time

from harness.controlplane import NoControlPlane
from tests.compose import plugin, stand_ins
from tests.compose.engine import DockerFailed, Engine, NoDocker, engine
from tests.compose.project import images


def main() -> int:
    """Have Compose and, where no registry is reached, the stand-ins; the exit code."""
    begun = time.monotonic()
    try:
        with engine() as running:
            try:
                plugin.command(running.environment)
            except NoDocker:
                plugin.build()
            if running.own:
                images_of(running)
    except (NoDocker, NoControlPlane) as missing:
        # The tests say so, too: they are skipped, and in CI they fail.
        print(missing, flush=True)
        return 1 if os.environ.get("CI", "").lower() == "true" else 0
    print(f"Docker and its images are ready after {time.monotonic() - begun:.0f} s.", flush=True)
    return 0


def images_of(own: Engine) -> None:
    """The smallest image tells whether there is a registry; Compose pulls the others."""
    wanted = images()
    if own.label(wanted["redis"], stand_ins.LABEL):
        own.docker("image", "rm", "--force", wanted["redis"])
    try:
        own.docker("pull", "--quiet", wanted["redis"])
    except DockerFailed:
        stand_ins.make(own, wanted)
    else:
        stand_ins.remove(own, wanted)


if __name__ == "__main__":
    sys.exit(main())
