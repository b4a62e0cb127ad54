"""Monitoring schedules and their executions, each of which is a processing job with a verdict on the data."""

from __future__ import annotations

import math

from airflow_ack_sagemaker.sandbox.aws.errors import AwsError
from airflow_ack_sagemaker.sandbox.aws.things.store import Request, Store
from airflow_ack_sagemaker.sandbox.aws.things.thing import Members, Thing
from airflow_ack_sagemaker.sandbox.aws.things.types import TYPES

PERIOD_SECONDS = 3600.0
"""Seconds from one execution to the next, before the clock's speed: most schedules are hourly, and SageMaker takes no
shorter one."""
_DEFINITIONS = {
    "DataQuality": "DataQualityJobDefinition",
    "ModelQuality": "ModelQualityJobDefinition",
    "ModelBias": "ModelBiasJobDefinition",
    "ModelExplainability": "ModelExplainabilityJobDefinition",
}


def check_definition(store: Store, request: Request) -> None:
    """Refuse a schedule whose job definition is not there. :raises AwsError: ResourceNotFound."""
    config = request["MonitoringScheduleConfig"]
    kind = _DEFINITIONS.get(str(config.get("MonitoringType")))
    if kind is not None and config.get("MonitoringJobDefinitionName"):
        store.find(TYPES[kind], config["MonitoringJobDefinitionName"])


def check_at_rest(store: Store, schedule: Thing) -> None:
    """Refuse to delete a schedule that is being changed, or of which an execution runs.

    :raises AwsError: ResourceInUse.
    """
    last = (executions(store, schedule) or [{}])[-1]
    if schedule.changing or last.get("MonitoringExecutionStatus") in ("Pending", "InProgress", "Stopping"):
        raise AwsError("ResourceInUse", f"The schedule {schedule.name} or an execution of it is in progress.")


def check_definition_unused(store: Store, definition: Thing) -> None:
    """Refuse to delete a job definition that a schedule uses. :raises AwsError: ResourceInUse."""
    for schedule in store.of("MonitoringSchedule"):
        config = schedule.members["MonitoringScheduleConfig"]
        kind = _DEFINITIONS.get(str(config.get("MonitoringType")))
        if kind == definition.type.name and config.get("MonitoringJobDefinitionName") == definition.name:
            raise AwsError(
                "ResourceInUse", f"Job definition {definition.name} is used by the schedule {schedule.name}."
            )


def describe(store: Store, thing: Thing) -> Members:
    """What describing a schedule tells besides what was given: its last execution."""
    config = thing.members["MonitoringScheduleConfig"]
    found: Members = {"MonitoringType": config.get("MonitoringType")}
    if endpoint := _endpoint(store, config):
        found["EndpointName"] = endpoint
    if done := executions(store, thing):
        found["LastMonitoringExecutionSummary"] = done[-1]
    return found


def executions(store: Store, thing: Thing) -> list[Members]:
    """The executions of a schedule so far, the first one as soon as it is scheduled, the last 100 at most."""
    since, now = thing.ended, store.clock.time()
    if since is None or thing.status not in ("Scheduled", "Stopped"):
        return []
    if thing.status == "Stopped":
        now = thing.modified
    period = store.clock.shortened(PERIOD_SECONDS)
    last = math.floor((now - since) / period)
    return [
        _execution(store, thing, since + number * period, number, now) for number in range(max(0, last - 99), last + 1)
    ]


def _execution(store: Store, thing: Thing, scheduled: float, number: int, now: float) -> Members:
    ends = scheduled + store.clock.shortened(store.script.step_seconds)
    status, reason = "Completed", ""
    key = f"execution-{int(scheduled * 1000)}"
    if now < ends:
        status = "InProgress"
    else:
        # Decided once, when the execution has ended: a rule that counts is used up by one execution.
        verdicts = thing.members.setdefault("verdicts", {})
        if key not in verdicts:
            outcome = store.script.thing([("monitoringschedule", thing.name)], only=("violations", "executionfailed"))
            verdicts[key] = (outcome.status, outcome.reason)
        word, text = verdicts[key]
        if word == "violations":
            status = "CompletedWithViolations"
        elif word == "executionfailed":
            status, reason = "Failed", text or "AlgorithmError: the monitoring job failed."
    config = thing.members["MonitoringScheduleConfig"]
    region, account = thing.arn.split(":")[3:5]
    job = f"{thing.name.lower()}-{int(scheduled)}-{number}"
    found: Members = {
        "MonitoringScheduleName": thing.name,
        "ScheduledTime": scheduled,
        "CreationTime": scheduled,
        "LastModifiedTime": min(now, ends),
        "MonitoringExecutionStatus": status,
        "ProcessingJobArn": f"arn:aws:sagemaker:{region}:{account}:processing-job/{job}",
    }
    if name := config.get("MonitoringJobDefinitionName"):
        found |= {"MonitoringJobDefinitionName": name, "MonitoringType": config.get("MonitoringType")}
    if endpoint := _endpoint(store, config):
        found["EndpointName"] = endpoint
    if reason:
        found["FailureReason"] = reason
    return found


def _endpoint(store: Store, config: Members) -> str | None:
    kind = _DEFINITIONS.get(str(config.get("MonitoringType")))
    definition = store.get(kind, str(config.get("MonitoringJobDefinitionName"))) if kind else None
    if definition is not None:
        given = (definition.members.get(f"{config['MonitoringType']}JobInput") or {}).get("EndpointInput") or {}
        name = given.get("EndpointName")
        return None if name is None else str(name)
    inputs = (config.get("MonitoringJobDefinition") or {}).get("MonitoringInputs") or [{}]
    name = (inputs[0].get("EndpointInput") or {}).get("EndpointName")
    return None if name is None else str(name)
