"""What the steps of an execution have given so far, for the expressions that refer to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, resolve_within
from airflow_ack_sagemaker.core.definition.property_files import property_files
from airflow_ack_sagemaker.sandbox.aws.jobs import job_name, job_properties
from airflow_ack_sagemaker.sandbox.aws.plan import ARN_VARIABLE, Plan
from airflow_ack_sagemaker.sandbox.aws.runs import Asked, Run, Seen, Taken
from airflow_ack_sagemaker.sandbox.aws.script import ScriptedOutcome


class Results:
    """The runs that are over, by name, and their properties, which are computed when they are asked for.

    :param parameters: values of the pipeline's parameters, typed.
    :param variables: execution variables. Without the execution's ARN jobs have no properties.
    :param outcomes: what the script says of steps, and so of what they give.
    :param taken: steps whose results are taken over from another execution.
    :param registered: ARNs of the model packages that steps have made, by the run's name and attempt.
    :param seen: what was read of S3.

    `moment` is the attempt and the seconds since its start at which a file is read that an expression asks for; `asked`
    collects what was asked for and has not been read.
    """

    def __init__(
        self,
        plan: Plan,
        parameters: Mapping[str, Any],
        variables: Mapping[str, str],
        outcomes: Mapping[str, ScriptedOutcome],
        taken: Iterable[Taken] = (),
        registered: Mapping[tuple[str, int], str] | None = None,
        seen: Iterable[Seen] = (),
    ) -> None:
        self.plan = plan
        self.parameters = parameters
        self.variables = variables
        self.outcomes = outcomes
        self.registered = registered or {}
        self.runs: dict[str, Run] = {}
        self.moment = (0, 0.0)
        self.asked: dict[Asked, None] = {}
        self._seen = {one.asked: one for one in seen}
        self._taken: dict[str, Any] = {one.name: json.loads(one.properties) for one in taken}
        self._properties: dict[str, Any] = {}
        self._computing: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.runs

    def add(self, run: Run) -> None:
        """Note a run that is over. A later one of the same name takes its place."""
        self.runs[run.name] = run
        self._properties.pop(run.name, None)

    def scope(
        self,
        item: tuple[Any] | None = None,
        round_of: tuple[str, int] | None = None,
        moment: tuple[int, float] | None = None,
    ) -> Scope:
        """What expressions may refer to now.

        :param item: in the body of a ForEach, the item of the round.
        :param round_of: the ForEach and the number of its round that the expression stands in, or speaks of.
        :param moment: when files are read, if not at `moment`.
        """
        at = self.moment if moment is None else moment

        def name_of(step: str) -> str:
            if round_of is not None and step in self.plan.bodies[round_of[0]]:
                return f"{step}-{round_of[1]}"
            return step

        return Scope(
            parameters=self.parameters,
            execution=self.variables,
            properties=lambda step: self.properties(name_of(step)),
            property_file=lambda step, file: self._file(step, name_of(step), file, at),
            s3_object=lambda uri: self._object(uri, at),
            experiment=self.plan.experiment,
            item=item,
            iteration=lambda step: self.properties(name_of(step)),
        )

    def arguments(self, run: Run) -> dict[str, Any]:
        """A step's arguments as far as they have values."""
        return self._resolved(run, [])

    def missing(self, run: Run) -> list[Unresolved]:
        """What of a step's arguments has no value."""
        found: list[Unresolved] = []
        # Whether a condition has values is told by how it ends, and of a loop also what the rounds gave is referred to.
        if self.plan.steps[run.step].type not in ("Condition", "ForEach", "Fail"):
            self._resolved(run, found)
        return found

    def _resolved(self, run: Run, unresolved: list[Unresolved]) -> dict[str, Any]:
        body = self.plan.steps[run.step].body.get("Arguments")
        if not isinstance(body, dict):
            return {}  # those of a type that is not known may be anything
        held = ("IfSteps", "ElseSteps", "ForEachBody")
        own = {key: value for key, value in body.items() if key not in held}
        scope = self.scope_of(run)
        # Arguments are an object, whatever its members are called.
        found = {key: resolve_within(value, scope, unresolved) for key, value in own.items()}
        return {key: value for key, value in found.items() if not isinstance(value, Unresolved)}

    def scope_of(self, run: Run) -> Scope:
        """What the expressions of a step may refer to."""
        step = self.plan.steps[run.step]
        moment = (run.attempt, run.start)
        if run.index is None:
            found = self.scope(moment=moment)
        else:
            found = self.scope((run.item,), (step.parent or "", run.index), moment)
        arn = self.variables.get(ARN_VARIABLE)
        if arn is None or step.type not in ("Training", "Processing"):
            return found
        # A job may be told its own name.
        return replace(found, execution={**found.execution, f"{step.type}JobName": job_name(arn, run)})

    def properties(self, name: str) -> Any:
        """The properties of a step's run, or why it has none."""
        if name in self._taken:
            return self._taken[name]
        if name not in self.runs:
            return Unresolved(name, "the step has not run")
        if name in self._computing:
            return Unresolved(name, "it is needed to tell itself")
        # Not by recursion: a long pipeline hands a value on from step to step.
        stack = [name]
        while stack:
            wanted = (n for n in self._needed(stack[-1]) if n in self.runs and n not in self._properties)
            pending = [n for n in wanted if n not in self._computing]
            if pending and len(stack) <= len(self.runs):
                stack.extend(pending)
            else:
                top = stack.pop()
                if top not in self._properties:
                    self._computing.add(top)
                    self._properties[top] = self._computed(self.runs[top])
                    self._computing.discard(top)
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
            return {} if run.branch is None else {"Outcome": run.branch}
        if step.type in ("Lambda", "Callback"):
            declared = {"OutputParameters": dict(run.outputs)}
            return declared | gives
        arn = self.variables.get(ARN_VARIABLE)
        if arn is None:
            return gives
        made = self.registered.get((run.name, run.attempt))
        package = {"ModelPackageArn": made, "ModelPackageStatus": "Completed"} if made else {}
        return job_properties(step.type, run, arn, self.arguments(run)) | package | gives

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

    def _file(self, step: str, name: str, file: str, moment: tuple[int, float]) -> Any:
        """The content of a property file: what the script gives, else what lies in S3 where the step says.

        :param name: what the run of the step is called.
        """
        properties = self.properties(name)
        if isinstance(properties, Unresolved):
            return properties
        files = properties.get("PropertyFiles")
        if isinstance(files, dict) and file in files:
            return files[file]
        body = self.plan.steps[step].body
        if name in self._taken:
            # Its arguments have their values already, with the names of the execution that it was taken from.
            body = {**body, "Arguments": properties}
        declared = next((one for one in property_files(body) if one.name == file), None)
        if declared is None:
            return Unresolved(step, "only a real run writes the file")
        uri = declared.uri(Scope() if name in self._taken else self.scope_of(self.runs[name]))
        return uri if isinstance(uri, Unresolved) else self._object(uri, moment)

    def _object(self, uri: str, moment: tuple[int, float]) -> Any:
        asked = Asked(uri, *moment)
        seen = self._seen.get(asked)
        if seen is None:
            self.asked[asked] = None
            return Unresolved(uri, f"{uri} has not been read")
        if seen.text is None:
            return Unresolved(uri, f"{uri} cannot be read: {seen.why}")
        try:
            return json.loads(seen.text)
        except (ValueError, RecursionError):
            return Unresolved(uri, f"{uri} is no JSON")
