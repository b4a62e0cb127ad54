"""One execution with all that is known of it, and what its definition has changed since the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import yaml

from airflow_ack_sagemaker.core.definition.digest import digest_of
from airflow_ack_sagemaker.core.pages.differences import Difference, by_digest, difference
from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.masking import parameters_of, shown_resource
from airflow_ack_sagemaker.core.pages.pipelines import PipelineRow, definition_of
from airflow_ack_sagemaker.core.pages.step_states import Picture, StepView, with_states
from airflow_ack_sagemaker.core.pages.timeline import timeline_of
from airflow_ack_sagemaker.core.resource.fields import region as region_of
from airflow_ack_sagemaker.core.run.retry_steps import selective_of
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.plugin.aws import Aws, AwsTrouble
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.picture import readable_picture
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.single_flight import NotYet, SingleFlight

_NO_AWS = "Without an AWS connection (aws_conn_id in Airflow's option [ack_sagemaker] clusters)"
_FETCHING = "SageMaker is being asked; the answer comes with one of the next looks."


class Details:
    """What is remembered between looks, since it takes a while to make: the pictures of definitions by digest, and
    what resources say by version.
    """

    def __init__(self) -> None:
        self._pictures: SingleFlight[tuple[Picture | None, str | None]] = SingleFlight(128)
        self._described: SingleFlight[dict[str, Any]] = SingleFlight(128)

    async def picture(self, text: str) -> tuple[Picture | None, str | None]:
        """The picture of a definition, or why there is none."""
        digest = await asyncio.to_thread(digest_of, text)
        return await self._pictures.get(
            digest, lambda: asyncio.to_thread(readable_picture, text), seconds=86_400, wait_seconds=10
        )

    async def described(self, version: Hashable, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What a version of a resource says about itself."""
        return await self._described.get(version, lambda: asyncio.to_thread(describe), seconds=86_400, wait_seconds=10)


async def graph_of(
    row: Row, resource: Mapping[str, Any], board: Board, aws: Aws | None, details: Details
) -> dict[str, Any]:
    """The step graph, from where it can be had, with notes about what is missing."""
    region = region_of(resource)
    text, source, note = None, None, None
    if aws is not None and row.arn:
        try:
            text, source = await aws.definition(row.arn, region), "sagemaker"
        except NotYet:
            note = _FETCHING
        except AwsTrouble as error:
            note = str(error)
    if text is None:
        text, more = await _from_cluster(row, resource, board)
        source = "cluster" if text is not None else None
        note = " ".join(filter(None, (note, more))) or None
    picture, why = await details.picture(text) if text is not None else (None, None)
    if picture is None:
        return _graph(None, why or note, None, (), ())
    steps, steps_note = await _stepped(picture, row, resource, aws, region)
    return _graph(source, note, steps_note, steps, picture.edges)


async def _stepped(
    picture: Picture, row: Row, resource: Mapping[str, Any], aws: Aws | None, region: str | None
) -> tuple[Sequence[StepView], str | None]:
    if aws is None:
        return picture.steps, f"{_NO_AWS} it is not known how each step stands."
    if not row.arn:
        return picture.steps, "SageMaker has not started it, so no step has run."
    try:
        states = await aws.steps(row.arn, region, over=row.over)
    except NotYet:
        return picture.steps, _FETCHING
    except AwsTrouble as error:
        return picture.steps, str(error)
    selective = selective_of(resource)
    selected = None if selective is None else selective.steps
    return with_states(picture, states, over=row.over, selected=selected), None


async def _from_cluster(row: Row, resource: Mapping[str, Any], board: Board) -> tuple[str | None, str | None]:
    pipeline = pipeline_for(row, board)
    if pipeline is None:
        return None, f"The namespace has no Pipeline resource of {row.pipeline!r}, so its definition is not known here."
    try:
        text = await board.definition(pipeline)
    except NotYet:
        return None, "The definition is being read; it comes with one of the next looks."
    except KubeError as error:
        return None, MASKER.text(str(error))
    if text is None:
        return None, "The Pipeline resource has no definition."
    ran = definition_of(resource).sha256
    if ran is None:
        return text, "This is the pipeline's present definition; whether the execution ran it is not known."
    if ran != pipeline.text_sha256:
        return text, "This is the pipeline's present definition; the execution ran another one."
    return text, None


def pipeline_for(row: Row, board: Board) -> PipelineRow | None:
    """The Pipeline resource of an execution."""
    found = (one for one in board.pipelines.items.values() if one.pipeline == row.pipeline)
    return next((one for one in found if one.namespace == row.namespace), None)


def _graph(
    source: str | None,
    note: str | None,
    steps_note: str | None,
    steps: Sequence[StepView],
    edges: Sequence[tuple[str, str, str | None]],
) -> dict[str, Any]:
    return {
        "source": source,
        "note": note,
        "steps_note": steps_note,
        "steps": [{**asdict(step), "reason": step.reason and MASKER.text(step.reason)} for step in steps],
        "edges": [{"source": source, "target": target, "branch": branch} for source, target, branch in edges],
    }


def described(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What the resource itself says: parameters, timeline, definition, YAML."""
    return {
        "parameters": parameters_of(resource, MASKER),
        "timeline": [
            {**asdict(event), "detail": event.detail and MASKER.text(event.detail)} for event in timeline_of(resource)
        ],
        "definition": definition_of(resource).shown(),
        "yaml": as_yaml(resource),
    }


def as_yaml(resource: Mapping[str, Any]) -> str:
    """The resource as text, without secrets."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(
        yaml.dump(shown_resource(resource, MASKER), Dumper=dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    )


async def difference_of(
    row: Row, resource: Mapping[str, Any], previous: Row, before: Mapping[str, Any], aws: Aws | None
) -> Difference:
    """What has changed in the definition since the previous execution."""
    old, new = definition_of(before).sha256, definition_of(resource).sha256
    if old is not None and old == new:
        return Difference(True)
    if aws is None:
        return by_digest(old, new, f"{_NO_AWS} the texts are not known.")
    if not row.arn or not previous.arn:
        return by_digest(old, new, "SageMaker has not started both, so the texts are not known.")
    try:
        texts = await asyncio.gather(
            aws.definition(previous.arn, region_of(before)), aws.definition(row.arn, region_of(resource))
        )
    except NotYet:
        return by_digest(old, new, _FETCHING)
    except AwsTrouble as error:
        return by_digest(old, new, str(error))
    return await asyncio.to_thread(difference, *texts, MASKER, (previous.name, row.name))
