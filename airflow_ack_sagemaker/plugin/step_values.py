"""What the expressions of one step of an execution's definition are, without what is secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved
from airflow_ack_sagemaker.core.definition.parameters import Parameter, typed
from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, parse_definition
from airflow_ack_sagemaker.core.definition.steps import own_values
from airflow_ack_sagemaker.core.definition.values import CONDITIONS, values_of
from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.masking import masked, whole_words
from airflow_ack_sagemaker.core.pages.secret_shapes import MASK
from airflow_ack_sagemaker.core.pages.step_states import StepState
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.plugin.aws import Aws
from airflow_ack_sagemaker.plugin.detail import Details, definition_text, states_of, to_ask
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.picture import not_drawn
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.report_files import ReportFiles, own_variables
from airflow_ack_sagemaker.plugin.threads import in_turn

_MOST = 100
"""Expressions of a step that are shown."""


async def step_values(
    row: Row,
    resource: Mapping[str, Any],
    board: Board,
    aws: Aws | None,
    details: Details,
    step: str,
    *,
    whole: bool,
) -> dict[str, Any]:
    """The expressions of the step of this name (none: there is no such step) with their values, and a note about what
    is missing.

    :param whole: whether the note may have the words of an error.
    """
    text, _, note = await definition_text(row, resource, board, aws, details, whole=whole)
    if text is None:
        return {"values": [], "note": note}
    states, _ = await states_of(row, to_ask(row, board), aws, whole=whole)

    try:
        definition = await in_turn(lambda: parse_definition(text, filled=True))
    except DefinitionError as error:
        return {"values": [], "note": not_drawn(error)}
    execution = own_variables(row.pipeline, row.arn)
    files = ReportFiles(definition, execution.get("PipelineExecutionId", ""), states or (), board.cluster.buckets)

    def make() -> list[dict[str, Any]]:
        return _values(definition, step, _scope(definition, execution, resource, states or (), files))

    values = await in_turn(make)
    if await files.read(aws, whole=whole):
        values = await in_turn(make)
    return {"values": values, "note": note}


def _values(definition: Definition, name: str, scope: Scope) -> list[dict[str, Any]]:
    step = next((one for one in definition.steps if one.name == name), None)
    if step is None:
        return []
    # What has a secret's name is hidden before anything is resolved, so that nothing can be made of it.
    own = own_values(step.type, step.body)
    body = masked(own, MASKER)
    conditions = [each.get("Arguments", {}).get("Conditions") for each in (own, body)]
    shown: list[dict[str, Any]] = []
    for found in values_of(replace(step, body=body), scope):
        if found.where == CONDITIONS and conditions[0] != conditions[1]:
            continue  # what it compares is hidden, and so is what comes of it
        if MASK in found.expression:
            found = found._replace(value=None, why="it is hidden")
        shown.append({key: text and masked(whole_words(text), MASKER) for key, text in found._asdict().items()})
        if len(shown) == _MOST:
            break
    return shown


def _scope(
    definition: Definition,
    execution: Mapping[str, str],
    resource: Mapping[str, Any],
    states: Sequence[StepState],
    files: ReportFiles,
) -> Scope:
    given = fields.parameters(resource)
    outcomes = {state.name: state.outcome for state in states if state.outcome is not None}

    def properties(step: str) -> Any:
        return {"Outcome": outcomes[step]} if step in outcomes else Unresolved(step, "only SageMaker knows it")

    scope = Scope(
        parameters={
            one.name: _value(one, given.get(one.name)) for one in definition.parameters if _has_value(one, given)
        },
        execution=execution,
        properties=properties,
        experiment=definition.document.get("PipelineExperimentConfig") or {},
    )
    return replace(scope, property_file=lambda step, file: files.content(step, file, scope))


def _has_value(parameter: Parameter, given: Mapping[str, str]) -> bool:
    return parameter.has_default or parameter.name in given


def _value(parameter: Parameter, text: str | None) -> Any:
    """A parameter's value, unless there is something about it that is not shown."""
    expression = f"Parameters.{parameter.name}"
    value = parameter.default
    if text is not None:
        try:
            value = typed(parameter, text)
        except ValueError:
            return Unresolved(expression, f"what was given is not of type {parameter.type}")
    if MASKER.hides(parameter.name) or (isinstance(value, str) and masked(value, MASKER) != value):
        return Unresolved(expression, "it is hidden")
    return value
