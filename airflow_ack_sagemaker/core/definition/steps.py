"""The steps of a pipeline, over all branches and loops, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.definition.conditions import check_conditions
from airflow_ack_sagemaker.core.definition.graph import Branch
from airflow_ack_sagemaker.core.definition.loops import check_cleanup, check_loop
from airflow_ack_sagemaker.core.definition.problems import Findings, Path, pointer_of, quoted
from airflow_ack_sagemaker.core.definition.references import Reference, references
from airflow_ack_sagemaker.core.definition.step_references import Draft, ReferenceCheck
from airflow_ack_sagemaker.core.definition.step_types import COMPLETED, NOT_IN_A_LOOP, STEP_TYPES, TRIGGERS

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")

_NESTED: Mapping[str, tuple[tuple[str, Branch], ...]] = {
    "Condition": (("IfSteps", "if"), ("ElseSteps", "else")),
    "ForEach": (("ForEachBody", "body"),),
}
"""The arguments that hold further steps."""

_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "Cleanup": ("Resources",),
    "Condition": ("Conditions", "IfSteps", "ElseSteps"),
    "Fail": ("ErrorMessage",),
    "ForEach": ("IterableItems", "MaxConcurrency", "Selector", "ForEachBody"),
}
"""All arguments of the types that are Pipelines' own: those of the others are requests of the API."""


@dataclass(frozen=True)
class Step:
    """One step, wherever it is nested.

    ``parent`` and ``branch`` name the condition step and the branch ("if", "else") it stands in, or the ForEach
    ("body"). ``depends_on`` are the names of its ``DependsOn``, ``triggers`` tells how those of them must have ended
    that need not have Completed. ``references`` are the steps whose results it refers to. ``body`` is its object in the
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
    triggers: Mapping[str, str] = field(default_factory=dict, compare=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class StepReader:
    """Reads ``Steps`` in two goes: all names first, then what refers to them."""

    def __init__(self, parameters: frozenset[str], findings: Findings) -> None:
        self.findings = findings
        self.drafts: dict[str, Draft] = {}
        self._references = ReferenceCheck(parameters, self.drafts, findings)

    def read(self, value: Any) -> tuple[Step, ...]:
        """The sound steps of a definition's ``Steps``, in document order."""
        root: Path = (None, "Steps")
        if not isinstance(value, list) or not value:
            self.findings.problem(root, "a pipeline needs a list of at least one step here.")
            return ()
        nameless: list[Draft] = []
        for draft in self._flatten(value, root, None, None):
            if not draft.name:
                nameless.append(draft)
            elif draft.name in self.drafts:
                first = pointer_of(self.drafts[draft.name].path)
                message = f"a second step {quoted(draft.name)} (the first: {first})."
                self.findings.problem((draft.path, "Name"), f"{message} Names must be unique over all branches.")
                nameless.append(draft)
            else:
                self.drafts[draft.name] = draft
        self._iterations()
        steps = [self._finish(draft) for draft in self.drafts.values()]
        for draft in nameless:
            self._finish(draft)
        return tuple(steps)

    def resolve(self, value: Any, path: Path) -> Iterator[Reference]:
        """The references in a value that is no step, each checked."""
        for reference in references(value, path, self.findings):
            self._references.check(reference, None)
            yield reference

    def _flatten(self, steps: list[Any], path: Path, parent: Draft | None, branch: Branch | None) -> Iterator[Draft]:
        for index, body in enumerate(steps):
            place: Path = (path, index)
            if not isinstance(body, dict):
                self.findings.problem(place, f"a step is an object with Name, Type and Arguments, not {quoted(body)}.")
                continue
            # What the inner steps of something nameless stand in is not known.
            held = parent.name or None if parent is not None else None
            loop = None if parent is None else held if branch == "body" else parent.loop
            draft = Draft(body, place, self._name(body, place), self._type(body, place), held, branch, loop)
            self._shape(draft)
            yield draft
            for key, inner in _NESTED.get(draft.type, ()):
                yield from self._nested(draft, key, inner)

    def _nested(self, draft: Draft, key: str, branch: Branch) -> Iterator[Draft]:
        arguments = draft.body.get("Arguments")
        steps = arguments.get(key) if isinstance(arguments, dict) else None
        path: Path = ((draft.path, "Arguments"), key)
        if isinstance(steps, list):
            yield from self._flatten(steps, path, draft, branch)
        elif steps is not None:
            self.findings.problem(path, f"a list of steps is needed, not {quoted(steps)}.")

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
                (path, "Type"), f"unknown step type {quoted(kind)}: passed on, its arguments are not looked at.{hint}"
            )
        return kind if isinstance(kind, str) else ""

    def _shape(self, draft: Draft) -> None:
        """What a step of this type must and may have, beside its name and type."""
        known = STEP_TYPES.get(draft.type)
        if known is not None:
            arguments = draft.body.get("Arguments")
            if arguments is None and known.required is None:
                self.findings.problem(draft.path, f"a step of type {draft.type} needs Arguments.")
            elif arguments is not None and not isinstance(arguments, dict):
                self.findings.problem((draft.path, "Arguments"), f"an object is needed, not {quoted(arguments)}.")
            if known.required is not None and not draft.body.get(known.required):
                self.findings.problem(draft.path, f"a step of type {draft.type} needs {known.required}.")
            for name in draft.body:
                if name not in known.known:
                    hint = self.findings.suggestion(name, known.known)
                    self.findings.warn((draft.path, name), f"a {draft.type} step has no such member.{hint}")
            if isinstance(arguments, dict):
                self._arguments(draft, arguments)
        depends_on = draft.body.get("DependsOn")
        if depends_on is not None and not isinstance(depends_on, list):
            self.findings.problem(
                (draft.path, "DependsOn"), f"a list of step names is needed, not {quoted(depends_on)}."
            )
        if draft.branch == "body" and draft.type in NOT_IN_A_LOOP:
            self.findings.problem((draft.path, "Type"), f"the body of a ForEach cannot have a {draft.type} step.")

    def _arguments(self, draft: Draft, arguments: dict[str, Any]) -> None:
        path: Path = (draft.path, "Arguments")
        known = _ARGUMENTS.get(draft.type, arguments)
        for name in arguments:
            if name not in known:
                hint = self.findings.suggestion(name, known)
                self.findings.warn((path, name), f"a {draft.type} step has no such argument.{hint}")
        if draft.type == "Condition":
            check_conditions(arguments.get("Conditions"), (path, "Conditions"), self.findings, "a condition step")
        elif draft.type == "ForEach":
            check_loop(arguments, path, self.findings)

    def _iterations(self) -> None:
        """The rounds of a loop are called like the step of its body and a number: no other step can be."""
        bodies = {name for name, draft in self.drafts.items() if draft.branch == "body"}
        for name, draft in self.drafts.items() if bodies else ():
            stem, dash, number = name.rpartition("-")
            if dash and number.isdecimal() and stem in bodies:
                message = f"this is what a round of step {stem!r} of a ForEach is called: choose another name."
                self.findings.problem((draft.path, "Name"), message)

    def _finish(self, draft: Draft) -> Step:
        display_name = draft.body.get("DisplayName")
        depends_on = self._depends_on(draft)
        arguments = draft.body.get("Arguments")
        if draft.type == "Cleanup" and isinstance(arguments, dict):
            check_cleanup(arguments, (draft.path, "Arguments"), self.drafts, depends_on, self.findings)
        return Step(
            name=draft.name,
            type=draft.type,
            display_name=display_name if isinstance(display_name, str) else "",
            pointer=pointer_of(draft.path),
            parent=draft.parent,
            branch=draft.branch,
            depends_on=tuple(depends_on),
            references=tuple(self._referenced(draft)),
            triggers={name: trigger for name, trigger in depends_on.items() if trigger != COMPLETED},
            body=draft.body,
        )

    def _depends_on(self, draft: Draft) -> dict[str, str]:
        """The steps that this one waits for by name, and how they must have ended."""
        value = draft.body.get("DependsOn")
        names: dict[str, str] = {}
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            path: Path = ((draft.path, "DependsOn"), index)
            name, trigger = self._dependency(entry, path)
            if name is None:
                continue
            if name not in self.drafts:
                hint = self.findings.suggestion(name, self.drafts)
                self.findings.problem(path, f"there is no step {quoted(name)}.{hint}")
            elif self.drafts[name].type == "Fail":
                message = f"{quoted(name)} is a Fail step, which ends the execution: nothing can depend on it."
                self.findings.problem(path, message)
            elif names.get(name, trigger) != trigger:
                message = f"step {quoted(name)} is here twice, with triggers {names[name]} and {trigger}: keep one."
                self.findings.warn(path, message)
            else:
                names[name] = trigger
        return names

    def _dependency(self, entry: Any, path: Path) -> tuple[str | None, str]:
        if isinstance(entry, str):
            return entry, COMPLETED
        name = entry.get("Step") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(name, str):
            message = f'{quoted(entry)} is not the name of a step, nor an object {{"Step": name, "Trigger": "Failed"}}.'
            self.findings.problem(path, message)
            return None, COMPLETED
        for member in entry:
            if member not in ("Step", "Trigger"):
                hint = self.findings.suggestion(member, ("Step", "Trigger"))
                self.findings.warn((path, member), f"a dependency has no such member.{hint}")
        trigger = entry.get("Trigger", COMPLETED)
        if trigger not in TRIGGERS:
            hint = self.findings.suggestion(trigger, TRIGGERS) if isinstance(trigger, str) else ""
            message = f"{quoted(trigger)} is not a trigger. Use one of {', '.join(TRIGGERS)}.{hint}"
            self.findings.problem((path, "Trigger"), message)
            return name, COMPLETED
        return name, str(trigger)

    def _referenced(self, draft: Draft) -> dict[str, None]:
        names: dict[str, None] = {}
        for reference in references(own_values(draft.type, draft.body), draft.path, self.findings):
            self._references.check(reference, draft)
            if reference.root == "Steps" and reference.name in self.drafts:
                names[reference.name] = None
        return names


def own_values(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Where the references of a step of some type stand: not among the names it depends on, nor in the steps that it
    holds, which have their own."""
    own = {key: value for key, value in body.items() if key != "DependsOn"}
    arguments = own.get("Arguments")
    held = [key for key, _ in _NESTED.get(kind, ())]
    if held and isinstance(arguments, dict):
        own["Arguments"] = {key: value for key, value in arguments.items() if key not in held}
    return own
