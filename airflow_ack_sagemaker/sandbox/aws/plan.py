"""What the engine keeps of a pipeline definition: enough to compute an execution's course, and little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import is_expression
from airflow_ack_sagemaker.core.definition.parameters import values_at_launch
from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, Parameter, Step, parse_definition
from airflow_ack_sagemaker.core.definition.problems import Findings
from airflow_ack_sagemaker.core.definition.property_files import property_files
from airflow_ack_sagemaker.core.definition.references import Reference, references
from airflow_ack_sagemaker.core.definition.step_types import COMPLETED
from airflow_ack_sagemaker.core.definition.steps import own_values
from airflow_ack_sagemaker.sandbox.aws.errors import invalid

ARN_VARIABLE = "PipelineExecutionArn"
JOB_NAMES = frozenset({"ProcessingJobName", "TrainingJobName"})
"""Execution variables by which a job is told its own name."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step that is to run once: a step of the definition, or a round of one in the body of a ForEach.

    ``dependencies`` are the tasks before by name, with how each must have ended. ``index`` is the number of the round,
    ``item`` its item, ``loop`` the ForEach.
    """

    name: str
    step: str
    dependencies: tuple[tuple[str, str], ...]
    index: int | None = None
    item: Any = None
    loop: str | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """The steps of a pipeline. Two plans are equal only if they are the same object.

    ``steps`` are all of them by name, ``tasks`` those that run once, ``bodies`` the steps that each ForEach runs in
    rounds. ``branch_of`` maps a step to its condition and whether it stands in the branch that is taken when it holds.
    ``deciding_parameters`` and ``deciding_variables`` are the names on which an execution's course depends: executions
    that agree in them share it. ``lookups`` are the expressions that take a value from a file, by step.
    """

    steps: Mapping[str, Step]
    tasks: tuple[Task, ...]
    bodies: Mapping[str, tuple[str, ...]]
    branch_of: Mapping[str, tuple[str, bool]]
    deciding_parameters: frozenset[str]
    deciding_variables: frozenset[str]
    lookups: Mapping[str, tuple[Any, ...]]
    parameters: tuple[Parameter, ...]
    experiment: Mapping[str, Any]
    definition: Definition

    def check(self, values: Mapping[str, str]) -> None:
        """Refuse launch parameters that the definition does not declare, lacks or types otherwise.

        :raises AwsError: ValidationException.
        """
        try:
            self.definition.launch_parameters(values)
        except DefinitionError as error:
            raise invalid("; ".join(str(problem).removeprefix("/") for problem in error.problems)) from None

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The parameters of an execution by name, with the types of their declarations."""
        return values_at_launch(self.parameters, given)


def plan_of(text: str) -> Plan:
    """The plan of a definition.

    :raises AwsError: ValidationException, it is no definition.
    """
    try:
        definition = parse_definition(text, filled=True, source="Unable to parse pipeline definition")
    except DefinitionError as error:
        raise invalid(str(error)) from None
    steps = {step.name: step for step in definition.steps}
    loops = {name: step.parent for name, step in steps.items() if step.branch == "body" and step.parent is not None}
    lookups = {name: found for name, step in steps.items() if (found := tuple(_lookups(step)))}
    deciding = list(_deciding(definition.steps))
    deciding += _references_of_lookups(lookups, steps)
    variables = {reference.name for reference in deciding if reference.root == "Execution"}
    if any(_of_a_job(reference, steps) for reference in deciding) or variables & JOB_NAMES:
        # What a job is called follows from the execution that made it.
        variables.add(ARN_VARIABLE)
    return Plan(
        steps=steps,
        tasks=tuple(_task(step, definition, loops) for step in definition.steps if step.name not in loops),
        bodies={name: definition.graph.branch(name, "body") for name, step in steps.items() if step.type == "ForEach"},
        branch_of={
            name: (step.parent, step.branch == "if")
            for name, step in steps.items()
            if step.parent is not None and step.branch != "body"
        },
        deciding_parameters=frozenset(reference.name for reference in deciding if reference.root == "Parameters"),
        deciding_variables=frozenset(variables),
        lookups=lookups,
        parameters=definition.parameters,
        experiment=definition.document.get("PipelineExperimentConfig") or {},
        definition=definition,
    )


def _task(step: Step, definition: Definition, loops: Mapping[str, str]) -> Task:
    before = {
        # From outside, what a loop runs is there when the loop is over.
        loops.get(name, name): definition.graph.triggers.get((name, step.name), COMPLETED)
        for name in definition.graph.dependencies(step.name)
    }
    return Task(step.name, step.name, tuple(before.items()))


def rounds(plan: Plan, loop: str, items: list[Any]) -> Iterator[Task]:
    """What a ForEach runs for its items: each step of its body for each item. Rounds do not wait for each other."""
    body = plan.bodies[loop]
    graph = plan.definition.graph
    # What another ForEach runs is there when that is over.
    whole = {other: other_loop for other_loop, others in plan.bodies.items() for other in others}
    for index, item in enumerate(items):
        for name in body:
            before = (
                (
                    f"{other}-{index}" if other in body else whole.get(other, other),
                    graph.triggers.get((other, name), COMPLETED),
                )
                for other in graph.dependencies(name)
                if other != loop
            )
            yield Task(f"{name}-{index}", name, tuple(before), index, item, loop)


def _deciding(steps: tuple[Step, ...]) -> Iterator[Reference]:
    """The references on which it depends which steps run, and what they say."""
    for step in steps:
        if step.type in ("Condition", "Fail", "ForEach"):
            held = ("IfSteps", "ElseSteps", "ForEachBody")
            own = {key: value for key, value in step.body["Arguments"].items() if key not in held}
            yield from references(own, None, Findings())


def _lookups(step: Step) -> Iterator[Any]:
    """Every ``Std:JsonGet`` of a step, the steps that it holds aside."""
    stack: list[Any] = [own_values(step.type, step.body)]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if is_expression(value) and "Std:JsonGet" in value:
                yield value
            else:
                stack.extend(inner for inner in value.values() if isinstance(inner, dict | list))
        elif isinstance(value, list):
            stack.extend(inner for inner in value if isinstance(inner, dict | list))


def _references_of_lookups(lookups: Mapping[str, tuple[Any, ...]], steps: Mapping[str, Step]) -> list[Reference]:
    """What decides from where a file is read: what the expression itself refers to, and the place of its output."""
    found = [one for values in lookups.values() for value in values for one in references(value, None, Findings())]
    for reference in [one for one in found if one.property_file is not None and one.name in steps]:
        for file in property_files(steps[reference.name].body):
            if file.name == reference.property_file:
                found += references(file.place, None, Findings())
    return found


def _of_a_job(reference: Reference, steps: Mapping[str, Step]) -> bool:
    known = steps.get(reference.name)
    names_a_step = reference.root in ("Steps", "IterationOutput") and reference.property_file is None
    return names_a_step and known is not None and known.type != "Condition"
