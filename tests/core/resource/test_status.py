"""Every situation that a controller was seen in, and every status that SageMaker has."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from airflow_ack_sagemaker.core.resource.kinds import KINDS, PIPELINE_EXECUTION, kind_of
from airflow_ack_sagemaker.core.resource.status import MAX_REASON, Outcome, State, classify, gone
from tests.core.resources import (
    ARN,
    NOT_READY,
    NOT_SYNCED,
    READY,
    SYNCED,
    UNKNOWN_SYNC,
    condition,
    execution,
    pipeline,
    recoverable,
    resource,
    terminal,
)

FINALIZERS = ["finalizers.sagemaker.services.k8s.aws/PipelineExecution"]
DELETED = "2026-11-01T04:00:00Z"

SITUATIONS: list[tuple[str, dict[str, Any], State, str | None]] = [
    ("pipeline applied", pipeline(SYNCED, READY, said="Active"), State.SUCCEEDED, None),
    (
        "execution applied",
        execution(NOT_SYNCED, NOT_READY, said="Executing", finalizers=FINALIZERS),
        State.IN_PROGRESS,
        None,
    ),
    ("success", execution(SYNCED, READY, said="Succeeded"), State.SUCCEEDED, None),
    (
        "failure looks synced and ready",
        execution(SYNCED, READY, said="Failed", reason="Step failure"),
        State.FAILED,
        "Step failure",
    ),
    (
        "failure and drift",
        execution(
            SYNCED, recoverable("ValidationException: cannot update"), NOT_READY, said="Failed", reason="Step failure"
        ),
        State.FAILED,
        "Step failure",
    ),
    ("failure and drift, no reason", execution(recoverable("drift"), said="Failed"), State.FAILED, "drift"),
    ("some steps failed", execution(SYNCED, said="CompletedWithFailures"), State.FAILED, None),
    ("stopped", execution(SYNCED, said="Stopped"), State.STOPPED, None),
    (
        "no such pipeline yet",
        execution(terminal("ResourceNotFound: Pipeline 'x' does not exist."), condition("ACK.ResourceSynced", "False")),
        State.REFUSED,
        "ResourceNotFound: Pipeline 'x' does not exist.",
    ),
    (
        "refused values",
        execution(recoverable("ValidationException: bad"), UNKNOWN_SYNC),
        State.RETRYING,
        "ValidationException: bad",
    ),
    ("no controller, or it cannot reach AWS", execution(), State.UNSEEN, None),
    ("touched, no status yet", execution(finalizers=FINALIZERS), State.IN_PROGRESS, None),
    (
        "deleted while executing",
        execution(
            recoverable("PipelineExecution is Stopping."),
            said="Stopping",
            deletionTimestamp=DELETED,
            finalizers=FINALIZERS,
        ),
        State.DELETING,
        "PipelineExecution is Stopping.",
    ),
    (
        "deleted, yet already failed",
        execution(SYNCED, said="Failed", reason="r", deletionTimestamp=DELETED),
        State.FAILED,
        "r",
    ),
    (
        "update of a running one refused: it is still running",
        execution(recoverable("cannot update"), UNKNOWN_SYNC, said="Executing"),
        State.IN_PROGRESS,
        None,
    ),
    (
        "running with a terminal condition is still running",
        execution(terminal("bad"), said="Executing"),
        State.IN_PROGRESS,
        None,
    ),
    ("succeeded and drift", execution(recoverable("cannot update"), said="Succeeded"), State.SUCCEEDED, None),
    (
        "name taken",
        pipeline(terminal("Resource already exists", "This resource already exists but is not managed by ACK.")),
        State.REFUSED,
        "Resource already exists: This resource already exists but is not managed by ACK.",
    ),
    (
        "update of a pipeline refused",
        pipeline(recoverable("ValidationException: no"), said="Active"),
        State.RETRYING,
        "ValidationException: no",
    ),
    (
        "update of a pipeline refused for good",
        pipeline(terminal("InvalidParameterValue"), said="Active"),
        State.REFUSED,
        "InvalidParameterValue",
    ),
    ("pipeline active, sync not known", pipeline(UNKNOWN_SYNC, said="Active"), State.IN_PROGRESS, None),
    ("pipeline synced without a status", pipeline(SYNCED), State.IN_PROGRESS, None),
    ("pipeline being deleted in SageMaker", pipeline(SYNCED, said="Deleting"), State.IN_PROGRESS, None),
    (
        "condition False is not True",
        execution(condition("ACK.Terminal", "False", "old"), said="Executing"),
        State.IN_PROGRESS,
        None,
    ),
    (
        "reference not resolved",
        resource("Endpoint", condition("ACK.ReferencesResolved", "Unknown", "no such EndpointConfig")),
        State.RETRYING,
        "no such EndpointConfig",
    ),
    ("kind without a status: synced is done", resource("Model", SYNCED), State.SUCCEEDED, None),
    ("kind without a status: not synced", resource("Model", UNKNOWN_SYNC), State.IN_PROGRESS, None),
    (
        "endpoint in service",
        resource("Endpoint", SYNCED, status={"endpointStatus": "InService"}),
        State.SUCCEEDED,
        None,
    ),
    (
        "endpoint failed",
        resource("Endpoint", SYNCED, status={"endpointStatus": "Failed", "failureReason": "no capacity"}),
        State.FAILED,
        "no capacity",
    ),
]


@pytest.mark.parametrize(
    ("body", "state", "reason"), [row[1:] for row in SITUATIONS], ids=[row[0] for row in SITUATIONS]
)
def test_situation(body: dict[str, Any], state: State, reason: str | None) -> None:
    outcome = classify(body)
    assert (outcome.state, outcome.reason) == (state, reason)


def _api_enums() -> list[tuple[str, str]]:
    """Each status of each kind, from the SageMaker API model that botocore ships."""
    model = Session().get_service_model("sagemaker")
    shapes = {"MonitoringSchedule": "ScheduleStatus"}
    return [
        (kind.kind, value)
        for kind in KINDS.values()
        if kind.status_field
        for value in model.shape_for(shapes.get(kind.kind, f"{kind.kind}Status")).enum
    ]


@pytest.mark.parametrize(("kind", "value"), _api_enums())
def test_every_status_of_the_api_is_known_and_in_one_group(kind: str, value: str) -> None:
    known = kind_of(kind)
    groups = [known.succeeded, known.failed, known.stopped, known.running]
    assert sum(value in group for group in groups) == 1
    outcome = classify(resource(kind, SYNCED, status={known.status_field or "": value, "failureReason": "r"}))
    assert outcome.warning is None
    assert outcome.state is not State.UNKNOWN
    assert (outcome.state is State.SUCCEEDED) == (value in known.succeeded)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_unknown_status_warns_and_is_never_a_success(kind: str) -> None:
    known = kind_of(kind)
    if known.status_field is None:
        assert classify(resource(kind, SYNCED)).state is State.SUCCEEDED
        return
    outcome = classify(resource(kind, SYNCED, READY, status={known.status_field: "Transmogrifying"}))
    assert outcome.state is State.UNKNOWN
    assert not outcome.finished
    assert "Transmogrifying" in (outcome.warning or "")


@pytest.mark.parametrize("trouble", [recoverable("ValidationException: bad"), terminal("ResourceNotFound: no")])
def test_an_unknown_status_of_a_job_outranks_what_the_controller_says(trouble: dict[str, Any]) -> None:
    outcome = classify(resource("PipelineExecution", trouble, status={"pipelineExecutionStatus": "Transmogrifying"}))
    assert outcome.state is State.UNKNOWN
    assert "Transmogrifying" in (outcome.warning or "")
    assert trouble["message"] in (outcome.reason or "")


def test_an_unknown_kind_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"'Pod' is not a kind .* PipelineExecution"):
        classify({"kind": "Pod"})


def test_identity_and_arn_are_read() -> None:
    outcome = classify(execution(SYNCED, said="Succeeded"))
    assert outcome.arn == f"{ARN}/execution/abc"
    assert (outcome.name, outcome.namespace, outcome.uid, outcome.region) == ("abalone", "ml", "u-1", "us-east-1")
    assert outcome.resource == "pipelineexecution/abalone (namespace ml)"
    assert outcome.started


@pytest.mark.parametrize("body", [row[1] for row in SITUATIONS], ids=[row[0] for row in SITUATIONS])
def test_an_outcome_survives_an_event(body: dict[str, Any]) -> None:
    outcome = classify(body)
    assert Outcome.from_dict(outcome.to_dict()) == outcome
    assert Outcome.from_dict(gone(outcome).to_dict()) == gone(outcome)


def test_a_reason_of_any_length_makes_a_small_event() -> None:
    outcome = classify(execution(SYNCED, said="Failed", reason="x" * 1_000_000))
    assert len(outcome.reason or "") == MAX_REASON


def test_gone_keeps_the_end_of_a_job_and_no_other() -> None:
    assert gone(classify(execution(SYNCED, said="Succeeded"))).state is State.SUCCEEDED
    assert gone(classify(execution(SYNCED, said="Failed"))).state is State.FAILED
    assert gone(classify(execution(NOT_SYNCED, said="Executing"))).state is State.GONE
    assert gone(classify(pipeline(SYNCED, said="Active"))).state is State.GONE
    assert gone(classify(execution(SYNCED, said="Succeeded"))).gone


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (pipeline(terminal("Resource already exists", "not managed by ACK")), "adopt=True"),
        (execution(terminal("ResourceNotFound: Pipeline 'x' does not exist.")), "AckPipelineOperator"),
        (execution(recoverable("AccessDeniedException: no")), "IAM role"),
        (execution(recoverable("ThrottlingException: slow down")), "by itself"),
        (execution(recoverable("ValidationException: no")), "definition"),
        (execution(recoverable("something else")), "goes on trying"),
        (execution(terminal("something else")), "never tries"),
        (execution(), "kubectl logs"),
        (execution(SYNCED, said="Stopped"), "clear the task"),
        (execution(SYNCED, said="Failed"), "failed step"),
    ],
)
def test_a_remedy_says_what_to_do(body: dict[str, Any], words: str) -> None:
    assert words in (classify(body).remedy or "")


def test_executions_have_the_statuses_that_the_design_knows() -> None:
    assert PIPELINE_EXECUTION.is_job
    assert not kind_of("Pipeline").is_job
