"""Endpoints that do not serve what they were asked to serve: `InService` does not say so (`cli/lifecycle.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_ack_sagemaker.core.doctor.lines import Level, Line
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.status import State, classify


def endpoints(resources: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """A line for each Endpoint whose last update failed or was rolled back.

    :param resources: Endpoint resources, each with its ``kind``.
    """
    good = 0
    for resource in resources:
        outcome = classify(resource)
        back = f"ack-sagemaker rollback {outcome.name} clears it; then deploy an EndpointConfig of another name."
        if outcome.sagemaker_status == "UpdateRollbackFailed":
            what = "The update failed and so did its rollback: it may serve a mix of both"
            yield Line("endpoint", Level.PROBLEM, _said(what, outcome.reason), outcome.resource, back)
        elif outcome.sagemaker_status == "Failed":
            what = "It could not be created, which no update mends"
            yield Line(
                "endpoint", Level.PROBLEM, _said(what, outcome.reason), outcome.resource, "Delete and create it anew."
            )
        elif outcome.state is State.REFUSED:
            reason = str(fields.status(resource).get("failureReason") or outcome.reason)
            what = "Its last update failed and was rolled back: it serves the configuration of before"
            yield Line("endpoint", Level.PROBLEM, _said(what, reason), outcome.resource, back)
        else:
            good += 1
    if good:
        yield Line("endpoint", Level.OK, f"{good} endpoints are not refused or rolled back")


def _said(what: str, reason: str | None) -> str:
    return f"{what}: {reason}" if reason else what
