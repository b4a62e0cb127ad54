"""One execution with all its details, and the change of its definition since the execution before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import yaml

from airflow_ack_sagemaker.core.definition.digest import digest_of
from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.core.pages.differences import Difference, by_digest, difference
from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.lookups import execution_to_ask
from airflow_ack_sagemaker.core.pages.masking import parameters_of, shown_resource
from airflow_ack_sagemaker.core.pages.pipelines import DefinitionSource, PipelineRow, definition_of, plain_digest
from airflow_ack_sagemaker.core.pages.step_states import Picture, StepState, StepView, with_states
from airflow_ack_sagemaker.core.pages.timeline import timeline_of
from airflow_ack_sagemaker.core.resource.arns import Arn, arn_of
from airflow_ack_sagemaker.core.run.retry_steps import selective_of
from airflow_ack_sagemaker.links import log_url
from airflow_ack_sagemaker.plugin.aws import Aws, AwsTrouble
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.picture import readable_picture
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.single_flight import NotYet, SingleFlight
from airflow_ack_sagemaker.plugin.threads import in_thread, in_turn
from airflow_ack_sagemaker.plugin.trouble import logged, trouble_of

T = TypeVar("T")

_NO_AWS = "Without an AWS connection (aws_conn_id in Airflow's option [ack_sagemaker] clusters)"
_NOT_KNOWN = (
    "AWS is asked only about executions of pipelines that this namespace's controller made, or that the option names "
    "(pipelines in [ack_sagemaker] clusters)."
)
_DAY = 86_400.0
_FETCHING = "SageMaker is being asked; the answer comes with one of the next looks."


class Details:
    """What is remembered between looks, since it takes a while to make: pictures, canonical digests and differences
    of definitions by their digests, and what resources say by version.

    All of it is work in proportion to what somebody has written, so it is done in a thread, one thing at a time: the
    event loop and the other requests keep the rest of the processor.
    """

    def __init__(self) -> None:
        self._pictures: SingleFlight[tuple[Picture | None, str | None]] = SingleFlight(128)
        self._canonical: SingleFlight[str] = SingleFlight(4_096)
        self._described: SingleFlight[dict[str, Any]] = SingleFlight(128)
        self._differences: SingleFlight[Difference] = SingleFlight(256)

    async def picture(self, text: str) -> tuple[Picture | None, str | None]:
        """The picture of a definition, or why there is none."""
        digest = await in_thread(plain_digest, text)
        return await self._pictures.get(
            digest, lambda: in_turn(lambda: readable_picture(text)), seconds=_DAY, wait_seconds=10
        )

    async def canonical(self, pipeline: PipelineRow, text: Callable[[], Awaitable[str | None]]) -> str:
        """The digest of a definition's canonical text.

        :param text: gives the text that has the row's digest.
        :raises NotYet: ask again later.
        """

        async def make() -> str:
            found = await text()
            return "" if found is None else await in_turn(lambda: digest_of(found))

        return await self._canonical.get(pipeline.text_sha256, make, seconds=_DAY, wait_seconds=0.5)

    async def described(self, version: Hashable, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What a version of a resource says about itself."""
        return await self._described.get(
            (version, MASKER.version), lambda: in_turn(describe), seconds=_DAY, wait_seconds=10
        )

    async def difference(self, old: str, new: str, names: tuple[str, str]) -> Difference:
        """What has changed between two definitions.

        :raises NotYet: ask again later.
        """
        digests = await in_thread(lambda: (plain_digest(old), plain_digest(new)))
        return await self._differences.get(
            (digests, names, MASKER.version),
            lambda: in_turn(lambda: difference(old, new, MASKER, names)),
            seconds=_DAY,
            wait_seconds=5,
        )


async def graph_of(
    row: Row, resource: Mapping[str, Any], board: Board, aws: Aws | None, details: Details, *, whole: bool
) -> dict[str, Any]:
    """The step graph, from where it can be had, with notes about what is missing.

    :param whole: whether the notes may have the words of an error.
    """
    text, source, note = await definition_text(row, resource, board, aws, details, whole=whole)
    picture, why = await details.picture(text) if text is not None else (None, None)
    if picture is None:
        return _graph(None, why or note, None, (), (), None)
    arn = to_ask(row, board)
    states, steps_note = await states_of(row, arn, aws, whole=whole)
    selective = selective_of(resource)
    selected = None if selective is None else selective.steps

    def make() -> dict[str, Any]:
        # In a thread: a definition of a megabyte has ten thousand steps.
        steps = picture.steps if states is None else with_states(picture, states, over=row.over, selected=selected)
        return _graph(source, note, steps_note, steps, picture.edges, arn)

    return await in_thread(make)


def to_ask(row: Row, board: Board) -> Arn | None:
    """The execution's ARN, where AWS may be asked about it."""
    return arn_of(execution_to_ask(row, board.pipelines.items.values(), board.cluster.pipelines))


async def definition_text(
    row: Row, resource: Mapping[str, Any], board: Board, aws: Aws | None, details: Details, *, whole: bool
) -> tuple[str | None, str | None, str | None]:
    """The definition that an execution ran, where it is from (``sagemaker``, ``cluster``), and a note about it.

    :param whole: whether the note may have the words of an error.
    """
    arn, note = to_ask(row, board), None
    if aws is not None and arn is not None:
        try:
            return await aws.definition(arn.text, arn.region), "sagemaker", None
        except NotYet:
            note = _FETCHING
        except AwsTrouble as error:
            note = error.trouble.shown(whole)
    text, more = await _from_cluster(row, resource, board, details, whole=whole)
    return text, "cluster" if text is not None else None, " ".join(filter(None, (note, more))) or None


async def states_of(
    row: Row, arn: Arn | None, aws: Aws | None, *, whole: bool
) -> tuple[Sequence[StepState] | None, str | None]:
    """How the execution's steps stand, or why that is not known."""
    if aws is None:
        return None, f"{_NO_AWS} it is not known how each step stands."
    if not row.arn:
        return None, "SageMaker has not started it, so no step has run."
    if arn is None:
        return None, _NOT_KNOWN
    try:
        return await aws.steps(arn.text, arn.region, over=row.over), None
    except NotYet:
        return None, _FETCHING
    except AwsTrouble as error:
        return None, error.trouble.shown(whole)


async def _from_cluster(
    row: Row, resource: Mapping[str, Any], board: Board, details: Details, *, whole: bool
) -> tuple[str | None, str | None]:
    pipeline = pipeline_for(row, board)
    if pipeline is None:
        return None, f"The namespace has no Pipeline resource of {row.pipeline!r}, so its definition is not known here."
    try:
        text = await board.definition(pipeline)
    except NotYet:
        return None, "The definition is being read; it comes with one of the next looks."
    except AckError as error:
        return None, logged(trouble_of(error)).shown(whole)
    if text is None:
        return None, "The Pipeline resource has no definition."
    ran, present = definition_of(resource).sha256, pipeline.text_sha256
    if ran is None:
        return text, "This is the pipeline's present definition; whether the execution ran it is not known."
    if ran != present:
        try:
            present = await details.canonical(pipeline, lambda: board.definition(pipeline))
        except NotYet:
            return text, "This is the pipeline's present definition; whether the execution ran it is being compared."
    if ran != present:
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
    arn: Arn | None,
) -> dict[str, Any]:
    return {
        "source": source,
        "note": note,
        "steps_note": steps_note,
        "steps": [_step(step, arn) for step in steps],
        "edges": [{"source": source, "target": target, "branch": branch} for source, target, branch in edges],
    }


def _step(step: StepView, arn: Arn | None) -> dict[str, Any]:
    """A step as JSON.

    :param arn: of the execution, where AWS may be asked about it.
    """
    # Not asdict, which copies deeply: at a thousand steps that is what a look costs.
    shown = {name: getattr(step, name) for name in StepView.__slots__ if name != "log"}
    url = log_url(arn.text, step.log.group, step.log.prefix) if arn is not None and step.log is not None else ""
    return {**shown, "reason": step.reason and MASKER.text(step.reason), "log_url": url or None}


def described(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What the resource itself says: parameters, timeline, definition, YAML."""
    return {
        "parameters": parameters_of(resource, MASKER),
        "timeline": [{**asdict(event), "detail": MASKER.cut(event.detail)} for event in timeline_of(resource)],
        "definition": source_of(definition_of(resource)),
        "yaml": as_yaml(resource),
    }


def source_of(definition: DefinitionSource) -> dict[str, str | None]:
    """Where a definition was read from, without secrets: the annotations of a resource are anybody's text."""
    return {key: value and MASKER.text(value) for key, value in definition.shown().items()}


def as_yaml(resource: Mapping[str, Any]) -> str:
    """The resource as text, without secrets."""
    shown = shown_resource(resource, MASKER)
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 1_000_000}
    try:
        return str(yaml.dump(shown, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), **options))
    except UnicodeEncodeError:
        # A lone surrogate, which JSON may hold and UTF-8 not: the slow way writes it as an escape.
        return str(yaml.dump(shown, Dumper=yaml.SafeDumper, **options))


async def difference_of(
    row: Row,
    resource: Mapping[str, Any],
    previous: Row,
    before: Mapping[str, Any],
    board: Board,
    aws: Aws | None,
    details: Details,
    *,
    whole: bool,
) -> Difference:
    """What has changed in the definition since the previous execution.

    :param whole: whether a note may have the words of an error.
    """
    old, new = definition_of(before).sha256, definition_of(resource).sha256
    if old is not None and old == new:
        return Difference(True)
    if aws is None:
        return by_digest(old, new, f"{_NO_AWS} the texts are not known.")
    if not row.arn or not previous.arn:
        return by_digest(old, new, "SageMaker has not started both, so the texts are not known.")
    first, second = to_ask(previous, board), to_ask(row, board)
    if first is None or second is None:
        return by_digest(old, new, _NOT_KNOWN)
    try:
        texts = await asyncio.gather(
            aws.definition(first.text, first.region), aws.definition(second.text, second.region)
        )
        return await details.difference(*texts, (previous.name, row.name))
    except NotYet:
        return by_digest(old, new, _FETCHING)
    except AwsTrouble as error:
        return by_digest(old, new, error.trouble.shown(whole))
