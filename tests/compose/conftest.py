"""One start of docker-compose.yaml for all tests here; without Docker they are skipped, and in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.compose import stand_ins
from tests.compose.engine import NoDocker, engine
from tests.compose.project import Project, images

_used: list[str] = []


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    """The project, not started; whatever was started of it is removed at the end."""
    try:
        with engine() as running:
            found = Project(running)
            found.down()
            try:
                yield found
            finally:
                for image in images().values():
                    stood_in = running.label(image, stand_ins.LABEL) is not None
                    _used.append(f"{image} ({'a local stand-in' if stood_in else 'the official image'})")
                found.down()
    except NoDocker as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"In CI docker-compose.yaml must run: {missing}", pytrace=False)
        pytest.skip(str(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _used:
        terminalreporter.write_line(f"compose: {', '.join(_used)}")
