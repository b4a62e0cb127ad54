"""The pytest plugin (entry point ``pytest11``). pytest loads it in every run, so that it imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_ack_sagemaker.testing.sandbox import AckSandbox


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "ack_sandbox(speed=60, step_seconds=20, script=()): how the fixture ack_sandbox starts its sandbox",
    )


@pytest.fixture
def ack_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[AckSandbox]:
    """A cluster with the controller, S3 and SageMaker, to which Airflow's default connections lead during the test.

    ```python
    def test_nothing_runs_yet(ack_sandbox):
        assert ack_sandbox.executions() == []
    ```
    """
    from airflow_ack_sagemaker.testing.sandbox import AckSandbox

    marker = request.node.get_closest_marker("ack_sandbox")
    with AckSandbox(**(marker.kwargs if marker else {})) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox
