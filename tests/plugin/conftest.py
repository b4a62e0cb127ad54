"""A site for the tests of this folder, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugin.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A sandbox with everything, whose steps take two seconds, and an API server."""
    options = ("--speed", "20", "--step-seconds", "40")
    with Site(tmp_path_factory.mktemp("site"), *options) as running:
        yield running
