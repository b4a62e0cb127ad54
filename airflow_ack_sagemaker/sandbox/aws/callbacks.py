"""The answers to Callback steps: SendPipelineExecutionStepSuccess and SendPipelineExecutionStepFailure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.engine import Engine
from airflow_ack_sagemaker.sandbox.aws.errors import conflict, not_found
from airflow_ack_sagemaker.sandbox.aws.jobs import token_of
from airflow_ack_sagemaker.sandbox.aws.records import Execution, StepState
from airflow_ack_sagemaker.sandbox.aws.runs import CallbackAnswer


def answer(engine: Engine, request: Mapping[str, Any], *, succeeded: bool) -> Execution:
    """End the Callback step that waits with this token; gives its execution.

    :raises AwsError: ResourceNotFound, no step has the token; ConflictException, the step is over.
    """
    token = request["CallbackToken"]
    now = engine.clock.time()
    execution, state = _waiting(engine, token, now)
    if state.end is not None or state.status == "Stopping":
        raise conflict(f"The step '{state.run.name}' of callback token '{token}' is over.")
    found = CallbackAnswer(
        name=state.run.name,
        attempt=state.run.attempt,
        at=now - execution.started,
        succeeded=succeeded,
        reason="" if succeeded else request.get("FailureReason", ""),
        outputs=tuple((one["Name"], one["Value"]) for one in request.get("OutputParameters") or ()),
    )
    execution.given = replace(execution.given, answers=(*execution.given.answers, found))
    return execution


def _waiting(engine: Engine, token: str, now: float) -> tuple[Execution, StepState]:
    for execution in engine.executions.values():
        steps = execution.version.plan.steps
        if not any(step.type == "Callback" for step in steps.values()):
            continue
        for state in execution.steps(now):
            if steps[state.run.step].type == "Callback" and token_of(execution.arn, state.run) == token:
                return execution, state
    raise not_found(f"Callback token '{token}' does not exist.")
