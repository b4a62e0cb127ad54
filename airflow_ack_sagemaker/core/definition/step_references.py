"""What a reference may refer to: parameters, steps and their places, execution variables, the item of a loop."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from airflow_ack_sagemaker.core.definition.graph import Branch
from airflow_ack_sagemaker.core.definition.problems import Findings, Path, listed, quoted
from airflow_ack_sagemaker.core.definition.references import EXECUTION_VARIABLES, Reference
from airflow_ack_sagemaker.core.definition.step_types import STEP_TYPES

_ROUND = re.compile(r"\.IterationOutputs\[[0-9]+\](?:\.(?P<name>[^.\[]+)|\[(['\"])(?P<quoted>.+?)\2\])")
_LOOP_PROPERTIES = (
    *("IterationOutputs", "Selected", "Status", "InputItemCount", "TotalStepCount"),
    *("SucceededStepCount", "FailedStepCount", "StoppedStepCount"),
)


class Draft(NamedTuple):
    """A step while the others are not yet known. ``loop`` is the ForEach in whose body it stands."""

    body: dict[str, Any]
    path: Path
    name: str
    type: str
    parent: str | None
    branch: Branch | None
    loop: str | None


class ReferenceCheck:
    """Checks the references of a definition whose steps are known by name."""

    def __init__(self, parameters: frozenset[str], drafts: Mapping[str, Draft], findings: Findings) -> None:
        self.parameters = parameters
        self.drafts = drafts
        self.findings = findings
        self._known_bodies: dict[str, tuple[str, ...]] = {}

    def check(self, reference: Reference, owner: Draft | None) -> None:
        """Note what is wrong with a reference; ``owner`` is the step in which it stands."""
        # A type that is not known may bring names of its own (an item of a loop, nested steps): there, doubt is a
        # warning.
        known = owner is None or owner.type in STEP_TYPES
        report = self.findings.problem if known else self.findings.warn
        expression, name = quoted(reference.expression), reference.name
        if reference.root == "Parameters":
            if name not in self.parameters:
                hint = self.findings.suggestion(name, self.parameters)
                report(reference.path, f"{expression}: there is no parameter {quoted(name)}.{hint}")
        elif reference.root == "Steps":
            if name not in self.drafts:
                hint = self.findings.suggestion(name, self.drafts)
                report(reference.path, f"{expression}: there is no step {quoted(name)}.{hint}")
            else:
                self._step(reference, self.drafts[name], owner, report)
        elif reference.root == "Execution":
            if name not in EXECUTION_VARIABLES:
                hint = self.findings.suggestion(name, EXECUTION_VARIABLES)
                self.findings.warn(reference.path, f"{expression}: not an execution variable that is known.{hint}")
        elif reference.root == "ForEach":
            self._item(reference, owner, report)
        elif reference.root == "IterationOutput":
            self._round(reference, owner, report)
        elif reference.root != "PipelineExperimentConfig":
            message = f"{expression} refers to nothing: a reference starts with Parameters., Steps. or Execution."
            report(reference.path, message)

    def _step(
        self, reference: Reference, draft: Draft, owner: Draft | None, report: Callable[[Path, str], None]
    ) -> None:
        expression = quoted(reference.expression)
        if draft.type == "Fail":
            message = f"{expression}: a Fail step ends the execution, so it has nothing to refer to."
            report(reference.path, message)
        elif draft.loop is not None and (owner is None or owner.loop != draft.loop):
            place = f"Steps.{draft.loop}.IterationOutputs[0].{draft.name}"
            message = f"{expression}: this step runs once for each item. From outside of its ForEach, write {place}."
            self.findings.warn(reference.path, message)
        elif draft.type == "ForEach":
            self._loop(reference, report)
        elif reference.property_file is not None:
            self._property_file(reference, draft, report)

    def _property_file(self, reference: Reference, draft: Draft, report: Callable[[Path, str], None]) -> None:
        files = draft.body.get("PropertyFiles")
        names = (
            [file.get("PropertyFileName") for file in files if isinstance(file, dict)]
            if isinstance(files, list)
            else []
        )
        if draft.type in STEP_TYPES and reference.property_file not in names:
            message = f"{quoted(reference.expression)}: step {quoted(reference.name)} has no such property file"
            report(reference.path, f"{message} (it has {listed(names)}).")

    def _item(self, reference: Reference, owner: Draft | None, report: Callable[[Path, str], None]) -> None:
        expression = quoted(reference.expression)
        if reference.name != "CurrentItem":
            report(reference.path, f"{expression} refers to nothing: of a loop, only ForEach.CurrentItem is offered.")
        elif owner is None or owner.loop is None:
            report(reference.path, f"{expression}: there is an item only in the ForEachBody of a ForEach step.")

    def _round(self, reference: Reference, owner: Draft | None, report: Callable[[Path, str], None]) -> None:
        expression = quoted(reference.expression)
        if owner is None or owner.type != "ForEach":
            report(reference.path, f"{expression}: only the Selector of a ForEach step can refer to it.")
            return
        bodies = self._bodies(owner.name)
        if reference.name not in bodies or not reference.rest:
            hint = self.findings.suggestion(reference.name, bodies)
            message = f"{expression}: a property of a step in this ForEachBody is needed (it has {listed(bodies)})."
            report(reference.path, message + hint)

    def _loop(self, reference: Reference, report: Callable[[Path, str], None]) -> None:
        """A reference to what a ForEach gives."""
        expression = quoted(reference.expression)
        member = re.split(r"[.\[]", reference.rest.lstrip("."), maxsplit=1)[0]
        if member not in _LOOP_PROPERTIES:
            hint = self.findings.suggestion(member, _LOOP_PROPERTIES)
            self.findings.warn(reference.path, f"{expression}: a ForEach step gives no {quoted(member)}.{hint}")
        elif member == "IterationOutputs":
            place = _ROUND.match(reference.rest)
            bodies = self._bodies(reference.name)
            if place is None or (place["name"] or place["quoted"]) not in bodies:
                message = f"{expression}: write Steps.{reference.name}.IterationOutputs[0].STEP and a property of it"
                report(reference.path, f"{message} (STEP is one of {listed(bodies)}).")
        elif member == "Selected":
            arguments = self.drafts[reference.name].body.get("Arguments")
            if not isinstance(arguments, dict) or not arguments.get("Selector"):
                report(reference.path, f"{expression}: step {quoted(reference.name)} has no Selector.")

    def _bodies(self, loop: str) -> tuple[str, ...]:
        """The names of the steps in the body of a ForEach."""
        if loop not in self._known_bodies:
            self._known_bodies[loop] = self._read_bodies(loop)
        return self._known_bodies[loop]

    def _read_bodies(self, loop: str) -> tuple[str, ...]:
        arguments = self.drafts[loop].body.get("Arguments") if loop in self.drafts else None
        steps = arguments.get("ForEachBody") if isinstance(arguments, dict) else None
        names = (step.get("Name") for step in steps if isinstance(step, dict)) if isinstance(steps, list) else ()
        return tuple(name for name in names if isinstance(name, str))
