"""What the steps of an execution have given so far, for the expressions that refer to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, resolve_within
from airflow_ack_sagemaker.sandbox.aws.jobs import job_name, job_properties
from airflow_ack_sagemaker.sandbox.aws.plan import ARN_VARIABLE, Plan
from airflow_ack_sagemaker.sandbox.aws.runs import Run
from airflow_ack_sagemaker.sandbox.aws.script import ScriptedOutcome


class Results:
    """The runs that are over, by name, and their properties, which are computed when they are asked for.

    :param parameters: values of the pipeline's parameters, typed.
    :param variables: execution variables. Without the execution's ARN jobs have no properties.
    :param outcomes: what the script says of steps, and so of what they give.
    """

    def __init__(
        self,
        plan: Plan,
        parameters: Mapping[str, Any],
        variables: Mapping[str, str],
        outcomes: Mapping[str, ScriptedOutcome],
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.variables = variables
        self.outcomes = outcomes
        self.runs: dict[str, Run] = {}
        self._properties: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.runs

    def add(self, run: Run) -> None:
        """Note a run that is over. A later one of the same name takes its place."""
        self.runs[run.name] = run
        self._properties.pop(run.name, None)

    def scope(self, item: tuple[Any] | None = None, round_of: tuple[str, int] | None = None) -> Scope:
        """What expressions may refer to now.

        :param item: in the body of a ForEach, the item of the round.
        :param round_of: the ForEach and the number of its round that the expression stands in, or speaks of.
        """

        def name_of(step: str) -> str:
            if round_of is not None and step in self.plan.bodies[round_of[0]]:
                return f"{step}-{round_of[1]}"
            return step

        return Scope(
            parameters=self.parameters,
            execution=self.variables,
            properties=lambda step: self.properties(name_of(step)),
            property_file=lambda step, file: self._file(name_of(step), file),
            experiment=self.plan.experiment,
            item=item,
            iteration=lambda step: self.properties(name_of(step)),
        )

    def arguments(self, run: Run) -> dict[str, Any]:
        """A step's arguments as far as they have values."""
        body = self.plan.steps[run.step].body.get("Arguments") or {}
        held = ("IfSteps", "ElseSteps", "ForEachBody")
        own = {key: value for key, value in body.items() if key not in held}
        found: dict[str, Any] = resolve_within(own, self.scope_of(run), [])
        return found

    def scope_of(self, run: Run) -> Scope:
        """What the expressions of a step may refer to."""
        step = self.plan.steps[run.step]
        found = self.scope() if run.index is None else self.scope((run.item,), (step.parent or "", run.index))
        arn = self.variables.get(ARN_VARIABLE)
        if arn is None or step.type not in ("Training", "Processing"):
            return found
        # A job may be told its own name.
        return replace(found, execution={**found.execution, f"{step.type}JobName": job_name(arn, run)})

    def properties(self, name: str) -> Any:
        """The properties of a step's run, or why it has none."""
        if name not in self.runs:
            return Unresolved(name, "the step has not run")
        # Not by recursion: a long pipeline hands a value on from step to step.
        stack = [name]
        while stack:
            pending = [n for n in self._needed(stack[-1]) if n in self.runs and n not in self._properties]
            if pending and len(stack) <= len(self.runs):
                stack.extend(pending)
            else:
                top = stack.pop()
                if top not in self._properties:
                    self._properties[top] = self._computed(self.runs[top])
        return self._properties[name]

    def _needed(self, name: str) -> list[str]:
        run = self.runs[name]
        if run.loop is not None:
            return [f"{body}-{i}" for i in range(run.loop.items) for body in self.plan.bodies[run.step]]
        step = self.plan.steps[run.step]
        siblings = self.plan.bodies.get(step.parent or "", ()) if run.index is not None else ()
        return [f"{other}-{run.index}" if other in siblings else other for other in step.references]

    def _computed(self, run: Run) -> Any:
        gives = self._gives(run)
        if run.loop is not None:
            return self._loop(run) | gives
        step = self.plan.steps[run.step]
        if step.type == "Condition":
            return {"Outcome": run.branch}
        if step.type in ("Lambda", "Callback"):
            declared = {"OutputParameters": dict(run.outputs)}
            return declared | gives
        arn = self.variables.get(ARN_VARIABLE)
        if arn is None:
            return gives
        return job_properties(step.type, run, arn, self.arguments(run)) | gives

    def _loop(self, run: Run) -> dict[str, Any]:
        result = run.loop
        assert result is not None
        outputs = [
            {body: self._properties.get(f"{body}-{index}", {}) for body in self.plan.bodies[run.step]}
            for index in range(result.items)
        ]
        counts = {
            "Status": run.status,
            "InputItemCount": result.items,
            "TotalStepCount": result.total,
            "SucceededStepCount": result.succeeded,
            "FailedStepCount": result.failed,
            "StoppedStepCount": result.stopped,
            "IterationOutputs": outputs,
        }
        if result.selected is None:
            return counts
        body, index = result.selected
        return {**counts, "Selected": outputs[index][body]}

    def _gives(self, run: Run) -> dict[str, Any]:
        """What the script says that a step gives."""
        text = ""
        for name in (run.name, run.step):
            outcome = self.outcomes.get(name)
            text = text or (outcome.gives if outcome is not None else "")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def _file(self, step: str, file: str) -> Any:
        if step not in self.runs:
            return Unresolved(step, "the step has not run")
        files = self._gives(self.runs[step]).get("PropertyFiles")
        if not isinstance(files, dict) or file not in files:
            return Unresolved(step, "only a real run writes the file")
        return files[file]
