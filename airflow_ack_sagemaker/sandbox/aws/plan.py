"""What the engine keeps of a pipeline definition: enough to compute an execution's course, and little memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, Parameter, parse_definition
from airflow_ack_sagemaker.sandbox.aws.errors import invalid

_PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*)>")


@dataclass(frozen=True, eq=False)
class Plan:
    """The steps of a pipeline. Two plans are equal only if they are the same object.

    ``branch_of`` maps a step to its condition and whether it stands in the branch that is taken when it holds.
    ``operands`` are the conditions of each Condition step as the definition has them, ``messages`` what a Fail step
    says.
    """

    names: tuple[str, ...]
    types: Mapping[str, str]
    titles: Mapping[str, tuple[str, str]]
    dependencies: Mapping[str, tuple[str, ...]]
    branch_of: Mapping[str, tuple[str, bool]]
    operands: Mapping[str, list[dict[str, Any]]]
    messages: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    experiment: Mapping[str, Any] | None
    definition: Definition

    def check(self, values: Mapping[str, str]) -> None:
        """Refuse launch parameters that the definition does not declare, lacks or types otherwise.

        :raises AwsError: ValidationException.
        """
        try:
            self.definition.launch_parameters(values)
        except DefinitionError as error:
            raise invalid("; ".join(str(problem).removeprefix("/") for problem in error.problems)) from None


def plan_of(text: str) -> Plan:
    """The plan of a definition.

    :raises AwsError: ValidationException, it is no definition.
    """
    # SageMaker knows nothing of placeholders: whatever looks like one is a part of the text.
    literal = {name: f"<{name}>" for name in _PLACEHOLDER.findall(text)}
    try:
        definition = parse_definition(text, placeholders=literal, source="Unable to parse pipeline definition")
    except DefinitionError as error:
        raise invalid(str(error)) from None
    steps = definition.steps
    return Plan(
        names=tuple(step.name for step in steps),
        types={step.name: step.type for step in steps},
        titles={
            step.name: (step.display_name, str(step.body.get("Description", "")))
            for step in steps
            if step.display_name or step.body.get("Description")
        },
        dependencies={step.name: definition.graph.dependencies(step.name) for step in steps},
        branch_of={step.name: (step.parent, step.branch == "if") for step in steps if step.parent is not None},
        operands={step.name: step.body["Arguments"]["Conditions"] for step in steps if step.type == "Condition"},
        messages={step.name: _message(step.body) for step in steps if step.type == "Fail"},
        parameters=definition.parameters,
        experiment=definition.document.get("PipelineExperimentConfig"),
        definition=definition,
    )


def _message(body: Mapping[str, Any]) -> str:
    message = body.get("Arguments", {}).get("ErrorMessage", "")
    if isinstance(message, dict) and "Std:Join" in message:
        join = message["Std:Join"]
        return str(join.get("On", "")).join(
            str(v.get("Get", v)) if isinstance(v, dict) else str(v) for v in join.get("Values", [])
        )
    return str(message.get("Get", message)) if isinstance(message, dict) else str(message)
