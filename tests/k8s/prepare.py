"""The first half of `make test-k8s`, with the network and the user's own settings for it: what has to be fetched.

    python -m tests.k8s.prepare

The second half, pytest, runs without these settings, as all tests do.
"""

from __future__ import annotations

import os
import sys

from harness.controlplane import NoControlPlane
from harness.controlplane import binaries as control_plane
from harness.node.build import NoNode, binaries, check
from tests.compose.engine import NoDocker
from tests.k8s.image import archive


def main() -> int:
    """Build the parts of the cluster and the image of its pods; the exit code."""
    try:
        check()
        print(control_plane(), binaries(), archive(), sep="\n", flush=True)
    except (NoControlPlane, NoDocker, NoNode) as missing:
        # The tests say so, too: they are skipped, and in CI they fail.
        print(missing, flush=True)
        return 1 if os.environ.get("CI", "").lower() == "true" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
