"""A network namespace as the place of a cluster: its own interfaces, routes and packet filter, reached from here."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

NODE = "10.251.0.1"
"""The node's address, which is also the gateway of its pods."""
PODS = "10.251.0.0/24"
SERVICES = "10.252.0.0/24"
OUTSIDE = "10.251.1.1"
"""This machine, as pods and the node see it."""
_INSIDE = "10.251.1.2"
BRIDGE = "pods0"


class Network:
    """The namespace ``name``; a context manager. This machine reaches its node, its pods and its services."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._cable = f"{name}-out"[:15]

    def __enter__(self) -> Network:
        self.close()
        _ip("netns", "add", self.name)
        try:
            self._wire()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def inside(self, *command: str) -> list[str]:
        """A command line that runs in the namespace."""
        return ["nsenter", f"--net={Path('/run/netns', self.name)}", "--", *command]

    def close(self) -> None:
        """Remove it; harmless when it is not there."""
        for arguments in (("netns", "delete", self.name), ("link", "delete", self._cable)):
            with contextlib.suppress(RuntimeError):
                _ip(*arguments)

    def _wire(self) -> None:
        inside = ("-netns", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "out0", "netns", self.name)
        _ip("address", "add", f"{OUTSIDE}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip(*inside, "address", "add", f"{_INSIDE}/30", "dev", "out0")
        _ip(*inside, "link", "add", BRIDGE, "type", "bridge")
        _ip(*inside, "address", "add", f"{NODE}/24", "dev", BRIDGE)
        for device in ("lo", "out0", BRIDGE):
            _ip(*inside, "link", "set", device, "up")
        # No default route: pods reach this machine and nothing beyond it.
        for range_ in (PODS, SERVICES):
            _ip("route", "add", range_, "via", _INSIDE)
        subprocess.run(self.inside("sysctl", "-qw", "net.ipv4.ip_forward=1"), check=True)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
