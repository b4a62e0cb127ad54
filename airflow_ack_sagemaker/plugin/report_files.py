"""The property files from which the expressions of an execution take values, read from S3 for the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from airflow_ack_sagemaker.aws.errors import SourceError
from airflow_ack_sagemaker.aws.s3 import S3Source
from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved
from airflow_ack_sagemaker.core.definition.parse import Definition
from airflow_ack_sagemaker.core.definition.property_files import property_files
from airflow_ack_sagemaker.core.pages.lookups import may_ask_bucket
from airflow_ack_sagemaker.core.pages.step_states import StepState
from airflow_ack_sagemaker.plugin.aws import Aws, AwsTrouble
from airflow_ack_sagemaker.plugin.single_flight import NotYet
from airflow_ack_sagemaker.plugin.threads import in_turn

_MOST = 5
"""Files that are read for one look."""


class ReportFiles:
    """What is known of the property files of one execution. `wanted` are places that were asked for and not read yet.

    Read is only what the execution itself has written: a step that has succeeded in it, to a place that bears the
    execution's id. So nobody can write a definition that shows another file of the bucket, and no other execution's
    file is taken for this one's.
    """

    def __init__(self, definition: Definition, identity: str, states: Sequence[StepState], buckets: Sequence[str]):
        self.wanted: dict[str, S3Source] = {}
        self._bodies = {step.name: step.body for step in definition.steps}
        self._identity = identity
        self._states = {state.name: state for state in states}
        self._buckets = buckets
        self._read: dict[str, Any] = {}

    def content(self, step: str, file: str, scope: Scope) -> Any:
        """The content of a file, or why it is not known."""
        state = self._states.get(step)
        if state is None or state.status != "Succeeded":
            return Unresolved(step, "the step has not written it")
        if state.source_arn is not None:
            return Unresolved(step, "another execution has written it, whose result was taken over")
        declared = next((one for one in property_files(self._bodies.get(step, {})) if one.name == file), None)
        if declared is None:
            return Unresolved(step, "the definition does not say where the file lies")
        uri = declared.uri(scope)
        if isinstance(uri, Unresolved):
            return uri
        if not self._identity or self._identity not in uri:
            return Unresolved(step, "its place does not tell executions apart: the file there may be another one's")
        if uri in self._read:
            return self._read[uri]
        try:
            source = S3Source.parse(uri)
        except SourceError:
            return Unresolved(step, "its place is no object of S3")
        if not may_ask_bucket(source.bucket, self._buckets):
            return Unresolved(step, "S3 is not asked: the cluster's entry does not name the bucket (buckets)")
        self.wanted[uri] = source
        return Unresolved(step, "it has not been read")

    async def read(self, aws: Aws | None, *, whole: bool) -> bool:
        """Read what is wanted; whether there was anything.

        :param whole: whether a reason may have the words of an error.
        """
        wanted = list(self.wanted.items())[:_MOST]
        for uri, source in wanted:
            self._read[uri] = await _content(source, aws, whole=whole)
        self.wanted.clear()
        return bool(wanted)


async def _content(source: S3Source, aws: Aws | None, *, whole: bool) -> Any:
    if aws is None:
        return Unresolved(source.uri, "S3 is not asked: the cluster's entry has no aws_conn_id")
    try:
        text = await aws.file(source)
        return await in_turn(partial(json.loads, text))
    except NotYet:
        return Unresolved(source.uri, "S3 is being asked; the answer comes with one of the next looks")
    except AwsTrouble as error:
        return Unresolved(source.uri, error.trouble.shown(whole))
    except (ValueError, RecursionError):
        return Unresolved(source.uri, "it is no JSON")


def own_variables(pipeline: str, arn: str | None) -> Mapping[str, str]:
    """The execution variables that are known of an execution."""
    pipeline_arn, _, identity = (arn or "").partition("/execution/")
    known = {"PipelineName": pipeline}
    if identity:
        known |= {"PipelineArn": pipeline_arn, "PipelineExecutionArn": str(arn), "PipelineExecutionId": identity}
    return known
