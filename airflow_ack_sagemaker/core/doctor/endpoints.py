"""Endpoints that do not serve what they were asked to serve: `InService` does not say so (`cli/lifecycle.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.core.doctor.findings import DELETING
from airflow_ack_sagemaker.core.doctor.installation import ANSWER
from airflow_ack_sagemaker.core.doctor.lines import Level, Line
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.freshness import spec_changed
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.core.resource.times import text_of, time_or_none

SENT_LATE = timedelta(minutes=3)
"""A controller that is alive sends an update within seconds, and looks again every 30. What is sent later than this is
not the first sending; a controller that was down for so long is the exception.
"""


def endpoints(resources: Sequence[Mapping[str, Any]], *, now: datetime) -> Iterator[Line]:
    """A line for each Endpoint whose last update failed or was rolled back, or of which the controller makes nothing.

    :param resources: Endpoint resources, each with its ``kind``.
    :param now: the API server's present time, with a time zone.
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
        elif outcome.state is State.REFUSED and (outcome.sagemaker_status is None or outcome.deleted is not None):
            what = f"Refused for good: {outcome.reason}"
            yield Line("endpoint", Level.PROBLEM, what, outcome.resource, outcome.remedy or "")
        elif outcome.state is State.REFUSED:
            reason = str(fields.status(resource).get("failureReason") or outcome.reason)
            what = "Its last update failed and was rolled back: it serves the configuration of before"
            yield Line("endpoint", Level.PROBLEM, _said(what, reason), outcome.resource, back)
        elif outcome.sagemaker_status == "Updating" and (again := _sent_again(resource)) is not None:
            what = (
                f"Its update was sent again {text_of(again)}, as the controller does for ever when SageMaker rolled it "
                "back and gives no reason (an alarm, or no machines): it serves the configuration of before"
            )
            yield Line("endpoint", Level.PROBLEM, what, outcome.resource, back)
        elif outcome.state is State.RETRYING and _older(fields.created(resource), ANSWER, now):
            what = "The controller cannot do it and tries again, so that it does not serve what was asked for"
            yield Line("endpoint", Level.PROBLEM, _said(what, outcome.reason), outcome.resource, outcome.remedy or "")
        elif _older(fields.deleted(resource), DELETING, now):
            what = f"Deleted, but still there after {DELETING.seconds // 60} minutes"
            yield Line("endpoint", Level.PROBLEM, _said(what, outcome.reason), outcome.resource, CONTROLLER_LOG)
        else:
            good += 1
    if good:
        yield Line("endpoint", Level.OK, f"{good} endpoints are not refused or rolled back")


def _sent_again(resource: Mapping[str, Any]) -> datetime | None:
    """When the update was sent once more; None where nothing shows that.

    Each sending gives ``ACK.ResourceSynced`` a new transition time, which an update that runs on does not get, unless a
    look found the endpoint busy: then ``ACK.Recoverable`` stands (recordings of the running controller).
    """
    conditions = {condition.get("type"): condition for condition in fields.conditions(resource)}
    if (conditions.get("ACK.Recoverable") or {}).get("status") == "True":
        return None
    synced = conditions.get("ACK.ResourceSynced") or {}
    sent, asked = time_or_none(synced.get("lastTransitionTime")), spec_changed(resource)
    if synced.get("status") != "False" or sent is None or asked is None or sent - asked < SENT_LATE:
        return None
    return sent


def _older(moment: datetime | None, age: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment > age


def _said(what: str, reason: str | None) -> str:
    return f"{what}: {reason}" if reason else what
