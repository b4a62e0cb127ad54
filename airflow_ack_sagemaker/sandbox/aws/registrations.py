"""Model packages that pipelines register themselves: what a RegisterModel step makes.

Nothing happens while an execution runs (see :mod:`airflow_ack_sagemaker.sandbox.aws.timeline`), but the registry counts
its versions. So before a request is answered, the steps that have ended until then register what they make, in the
order of their ends.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import text_of
from airflow_ack_sagemaker.sandbox.aws.engine import Engine
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError
from airflow_ack_sagemaker.sandbox.aws.records import Execution, StepState
from airflow_ack_sagemaker.sandbox.aws.things.packages import Packages

log = logging.getLogger(__name__)

STEP = "RegisterModel"


class Registrations:
    """The steps of one region that register models."""

    def __init__(self, engine: Engine, packages: Packages) -> None:
        self.engine = engine
        self.packages = packages

    def catch_up(self) -> None:
        """Register what the steps make that have ended by now."""
        if not self.engine.registering:
            return
        now = self.engine.clock.time()
        ended: list[tuple[float, Execution, StepState]] = []
        for execution in list(self.engine.registering.values()):
            ended += [(state.end or 0.0, execution, state) for state in _new(execution, now)]
            if not execution.running(now):
                del self.engine.registering[execution.arn]
        for at, execution, state in sorted(ended, key=lambda one: one[0]):
            self._register(execution, state, at)

    def _register(self, execution: Execution, state: StepState, at: float) -> None:
        run = state.run
        arguments = execution.results(at).arguments(run)
        tags = _whole_tags(arguments.pop("Tags", None))
        request = {**arguments, "Tags": tags, "MetadataProperties": {"GeneratedBy": execution.arn}}
        try:
            arn = self.packages.register(request, at).arn
        except (
            AwsError
        ) as error:  # the definition's own fault; that the step succeeds all the same is the script's word
            log.warning("%s of %s has registered nothing: %s", run.name, execution.arn, error)
            arn = ""
        execution.registered[run.name, run.attempt] = arn


def _whole_tags(value: Any) -> list[dict[str, str]]:
    """The tags that have their keys and values: what of them has no value was left out of the step's arguments."""
    tags = [tag for tag in value if isinstance(tag, dict)] if isinstance(value, list) else []
    return [{"Key": text_of(tag["Key"]), "Value": text_of(tag["Value"])} for tag in tags if {"Key", "Value"} <= {*tag}]


def _new(execution: Execution, now: float) -> list[StepState]:
    """The steps that have succeeded in registering by now, and whose packages are not there yet."""
    steps = execution.version.plan.steps
    return [
        state
        for state in execution.steps(now)
        if steps[state.run.step].type == STEP
        and state.status == "Succeeded"
        and (state.run.name, state.run.attempt) not in execution.registered
    ]
