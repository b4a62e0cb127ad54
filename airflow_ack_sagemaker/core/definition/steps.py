"""The steps of a pipeline, over all branches of its conditions, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from airflow_ack_sagemaker.core.definition.graph import Branch
from airflow_ack_sagemaker.core.definition.problems import Findings, Path, pointer_of, quoted
from airflow_ack_sagemaker.core.definition.references import EXECUTION_VARIABLES, Reference, references

STEP_TYPES = frozenset(
    {
        "AutoML",
        "Callback",
        "ClarifyCheck",
        "Condition",
        "EMR",
        "EMRServerless",
        "Endpoint",
        "EndpointConfig",
        "Fail",
        "InferenceComponent",
        "Lambda",
        "Lineage",
        "Model",
        "Processing",
        "QualityCheck",
        "RegisterModel",
        "Training",
        "Transform",
        "Tuning",
    }
)
"""The step types of the SageMaker Python SDK and of the API model's step metadata. Others are passed on with a
warning."""

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")

# What SageMaker cannot do without, beside Name and Type. Lambda and Callback may come without arguments.
_REQUIRED = {"Lambda": "FunctionArn", "Callback": "SqsQueueUrl"}
_COMPARISONS = frozenset(
    {"Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"}
)
_CONDITIONS = _COMPARISONS | {"In", "NotIn", "Not", "Or"}
_BRANCHES: tuple[tuple[str, Branch], ...] = (("IfSteps", "if"), ("ElseSteps", "else"))


@dataclass(frozen=True)
class Step:
    """One step, wherever it is nested.

    ``parent`` and ``branch`` name the condition step and the branch ("if", "else") it stands in; ``depends_on`` are the
    names of its ``DependsOn``, ``references`` the steps whose results it refers to. ``body`` is its object in the
    definition: do not change it.
    """

    name: str
    type: str
    display_name: str
    pointer: str
    parent: str | None = None
    branch: Branch | None = None
    depends_on: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class _Draft(NamedTuple):
    """A step while the others are not yet known."""

    body: dict[str, Any]
    path: Path
    name: str
    type: str
    parent: str | None
    branch: Branch | None


class StepReader:
    """Reads ``Steps`` in two goes: all names first, then what refers to them."""

    def __init__(self, parameters: frozenset[str], findings: Findings) -> None:
        self.parameters = parameters
        self.findings = findings
        self.drafts: dict[str, _Draft] = {}

    def read(self, value: Any) -> tuple[Step, ...]:
        """The sound steps of a definition's ``Steps``, in document order."""
        root: Path = (None, "Steps")
        if not isinstance(value, list) or not value:
            self.findings.problem(root, "a pipeline needs a list of at least one step here.")
            return ()
        nameless: list[_Draft] = []
        for draft in self._flatten(value, root, None, None):
            if not draft.name:
                nameless.append(draft)
            elif draft.name in self.drafts:
                first = pointer_of(self.drafts[draft.name].path)
                message = f"a second step {draft.name!r} (the first: {first}). Names must be unique over all branches."
                self.findings.problem((draft.path, "Name"), message)
                nameless.append(draft)
            else:
                self.drafts[draft.name] = draft
        steps = [self._finish(draft) for draft in self.drafts.values()]
        for draft in nameless:
            self._finish(draft)
        return tuple(steps)

    def resolve(self, value: Any, path: Path) -> Iterator[Reference]:
        """The references in a value that is no step, each checked."""
        for reference in references(value, path, self.findings):
            self._check(reference, self.findings.problem)
            yield reference

    def _flatten(self, steps: list[Any], path: Path, parent: str | None, branch: Branch | None) -> Iterator[_Draft]:
        for index, body in enumerate(steps):
            place: Path = (path, index)
            if not isinstance(body, dict):
                self.findings.problem(place, f"a step is an object with Name, Type and Arguments, not {quoted(body)}.")
                continue
            draft = _Draft(body, place, self._name(body, place), self._type(body, place), parent, branch)
            self._shape(draft)
            yield draft
            if draft.type == "Condition":
                yield from self._branches(draft)

    def _name(self, body: dict[str, Any], path: Path) -> str:
        name = body.get("Name")
        if name is None:
            self.findings.problem(path, "this step has no Name.")
        elif not isinstance(name, str) or not _NAME.fullmatch(name):
            self.findings.problem(
                (path, "Name"), f"{quoted(name)} is not a step name: 1 to 64 letters, digits, '-' and '_'."
            )
        return name if isinstance(name, str) else ""

    def _type(self, body: dict[str, Any], path: Path) -> str:
        kind = body.get("Type")
        if kind is None:
            self.findings.problem(path, "this step has no Type.")
        elif not isinstance(kind, str) or not kind:
            self.findings.problem((path, "Type"), f"{quoted(kind)} is not a step type, such as Training.")
        elif kind not in STEP_TYPES:
            hint = self.findings.suggestion(kind, STEP_TYPES)
            self.findings.warn(
                (path, "Type"), f"unknown step type {kind!r}: passed on, its arguments are not looked at.{hint}"
            )
        return kind if isinstance(kind, str) else ""

    def _shape(self, draft: _Draft) -> None:
        """What a step of this type must have, beside its name and type."""
        if draft.type in STEP_TYPES:
            arguments = draft.body.get("Arguments")
            if arguments is None and draft.type not in _REQUIRED:
                self.findings.problem(draft.path, f"a step of type {draft.type} needs Arguments.")
            elif arguments is not None and not isinstance(arguments, dict):
                self.findings.problem((draft.path, "Arguments"), f"an object is needed, not {quoted(arguments)}.")
            required = _REQUIRED.get(draft.type)
            if required and not draft.body.get(required):
                self.findings.problem(draft.path, f"a step of type {draft.type} needs {required}.")
        depends_on = draft.body.get("DependsOn")
        if depends_on is not None and not isinstance(depends_on, list):
            self.findings.problem(
                (draft.path, "DependsOn"), f"a list of step names is needed, not {quoted(depends_on)}."
            )

    def _branches(self, draft: _Draft) -> Iterator[_Draft]:
        arguments = draft.body.get("Arguments")
        if not isinstance(arguments, dict):
            return
        path: Path = (draft.path, "Arguments")
        conditions = arguments.get("Conditions")
        if isinstance(conditions, list):
            for index, condition in enumerate(conditions):
                self._condition(condition, ((path, "Conditions"), index))
        else:
            self.findings.problem((path, "Conditions"), "a condition step needs a list of conditions here.")
        for key, branch in _BRANCHES:
            steps = arguments.get(key)
            if isinstance(steps, list):
                yield from self._flatten(steps, (path, key), draft.name or None, branch)
            elif steps is not None:
                self.findings.problem((path, key), f"a list of steps (it may be empty) is needed, not {quoted(steps)}.")

    def _condition(self, condition: Any, path: Path) -> None:
        kind = condition.get("Type") if isinstance(condition, dict) else None
        if not isinstance(kind, str):
            self.findings.problem(path, "a condition is an object with a Type, such as Equals.")
        elif kind not in _CONDITIONS:
            self.findings.warn(
                (path, "Type"), f"unknown condition {kind!r}.{self.findings.suggestion(kind, _CONDITIONS)}"
            )
        elif kind in _COMPARISONS and not {"LeftValue", "RightValue"} <= condition.keys():
            self.findings.problem(path, f"{kind} compares a LeftValue with a RightValue: both are needed.")
        elif kind == "Not":
            self._condition(condition.get("Condition"), (path, "Condition"))
        elif kind == "Or":
            inner = condition.get("Conditions")
            if not isinstance(inner, list):
                self.findings.problem((path, "Conditions"), "Or needs a list of conditions here.")
            else:
                for index, item in enumerate(inner):
                    self._condition(item, ((path, "Conditions"), index))

    def _finish(self, draft: _Draft) -> Step:
        display_name = draft.body.get("DisplayName")
        return Step(
            name=draft.name,
            type=draft.type,
            display_name=display_name if isinstance(display_name, str) else "",
            pointer=pointer_of(draft.path),
            parent=draft.parent,
            branch=draft.branch,
            depends_on=tuple(self._depends_on(draft)),
            references=tuple(self._references(draft)),
            body=draft.body,
        )

    def _depends_on(self, draft: _Draft) -> dict[str, None]:
        value = draft.body.get("DependsOn")
        names: dict[str, None] = {}
        for index, name in enumerate(value if isinstance(value, list) else ()):
            path: Path = ((draft.path, "DependsOn"), index)
            if not isinstance(name, str):
                self.findings.problem(path, f"{quoted(name)} is not the name of a step.")
            elif name not in self.drafts:
                self.findings.problem(
                    path, f"there is no step {quoted(name)}.{self.findings.suggestion(name, self.drafts)}"
                )
            else:
                names[name] = None
        return names

    def _references(self, draft: _Draft) -> dict[str, None]:
        # A type that is not known may bring names of its own (an item of a loop, nested steps): there, doubt is a
        # warning.
        report = self.findings.problem if draft.type in STEP_TYPES else self.findings.warn
        names: dict[str, None] = {}
        for reference in references(_own_values(draft), draft.path, self.findings):
            self._check(reference, report)
            if reference.root == "Steps" and reference.name in self.drafts:
                names[reference.name] = None
        return names

    def _check(self, reference: Reference, report: Callable[[Path, str], None]) -> None:
        expression, name = reference.expression, reference.name
        if reference.root == "Parameters":
            if name not in self.parameters:
                hint = self.findings.suggestion(name, self.parameters)
                report(reference.path, f"{quoted(expression)}: there is no parameter {quoted(name)}.{hint}")
        elif reference.root == "Steps":
            if name not in self.drafts:
                hint = self.findings.suggestion(name, self.drafts)
                report(reference.path, f"{quoted(expression)}: there is no step {quoted(name)}.{hint}")
            elif reference.property_file is not None:
                self._check_property_file(reference, report)
        elif reference.root == "Execution":
            if name not in EXECUTION_VARIABLES:
                self.findings.warn(reference.path, f"{quoted(expression)}: not an execution variable that is known.")
        elif reference.root != "PipelineExperimentConfig":
            message = (
                f"{quoted(expression)} refers to nothing: a reference starts with Parameters., Steps. or Execution."
            )
            report(reference.path, message)

    def _check_property_file(self, reference: Reference, report: Callable[[Path, str], None]) -> None:
        draft = self.drafts[reference.name]
        files = draft.body.get("PropertyFiles")
        names = (
            [file.get("PropertyFileName") for file in files if isinstance(file, dict)]
            if isinstance(files, list)
            else []
        )
        if draft.type in STEP_TYPES and reference.property_file not in names:
            message = f"{quoted(reference.expression)}: step {reference.name!r} has no such property file"
            report(reference.path, f"{message} (it has {', '.join(map(str, names)) or 'none'}).")


def _own_values(draft: _Draft) -> dict[str, Any]:
    """Where a step's references stand: not among the names it depends on, nor in the steps of its branches, which have
    their own."""
    own = {key: value for key, value in draft.body.items() if key != "DependsOn"}
    arguments = own.get("Arguments")
    if draft.type == "Condition" and isinstance(arguments, dict):
        own["Arguments"] = {key: value for key, value in arguments.items() if key not in ("IfSteps", "ElseSteps")}
    return own
