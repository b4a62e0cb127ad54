"""Describing the jobs that the steps of executions run: found by their name, and fitted to the API model."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.engine import Engine
from airflow_ack_sagemaker.sandbox.aws.jobs import DESCRIBED, described_job, job_name
from airflow_ack_sagemaker.sandbox.aws.records import Execution, StepState
from airflow_ack_sagemaker.sandbox.aws.validation import fitted

_NAME = re.compile(r"pipelines-([a-z0-9]{12})-.+")
_CHECKS = ("QualityCheck", "ClarifyCheck")


def is_ours(name: str) -> bool:
    """Whether a job of this name was made by a step, to judge by its name."""
    return _NAME.fullmatch(name) is not None


def find_job(engine: Engine, operation: str, name: str) -> dict[str, Any] | None:
    """The answer to the description of a step's job; None where no step of this type has such a job."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    kind = DESCRIBED[operation]
    now = engine.clock.time()
    for pipeline in engine.pipelines.values():
        execution = engine.executions.get(f"{pipeline.arn}/execution/{match[1]}")
        if execution is None:
            continue
        for state in execution.steps(now):
            # Names in ARNs are in small letters, and clients cut names out of ARNs.
            if job_name(execution.arn, state.run).lower() == name.lower() and _runs(execution, state, kind):
                return _described(execution, state, kind, operation, now)
    return None


def _runs(execution: Execution, state: StepState, kind: str) -> bool:
    type_ = execution.version.plan.steps[state.run.step].type
    return type_ == kind or (kind == "Processing" and type_ in _CHECKS)


def _described(execution: Execution, state: StepState, kind: str, operation: str, now: float) -> dict[str, Any]:
    status = "InProgress" if state.status in ("Starting", "Executing") else state.status
    run = replace(state.run, status=status, reason=state.reason)
    arguments = execution.results(now).arguments(state.run)
    if execution.version.plan.steps[state.run.step].type in _CHECKS:
        arguments = {}
    arguments.setdefault("RoleArn", execution.version.role)
    return fitted(operation, described_job(kind, run, execution.arn, arguments, state.start, state.end))
