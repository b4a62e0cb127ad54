"""Ten thousand executions in a cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from tests.ui.hostile import PIPELINES
from tests.ui.shelf import Shelf

COUNT = 10_000
FAILED = 1_000
DAGS = ("scheduled_retraining", "many_models", "churn_retraining", "demand_forecast")


def fill(shelf: Shelf) -> None:
    """Put them there, those with the hostile names counted: of four DAGs and twenty pipelines, one in ten failed."""
    now = datetime.now(UTC)
    failures = FAILED - len(PIPELINES)
    for number in range(COUNT - len(PIPELINES)):
        failed = number % 10 == 3 and number // 10 < failures
        created = now - timedelta(minutes=number)
        shelf.execution(
            RunIdentity(DAGS[number % 4], f"scheduled__{created:%Y-%m-%dT%H:%M}", "retrain"),
            f"model-{number % 20}",
            created,
            status="Failed" if failed else "Succeeded",
            reason="Step failure: One or multiple steps failed." if failed else None,
            seconds=300 + number % 77,
            parameters={"Rounds": str(number)},
        )
