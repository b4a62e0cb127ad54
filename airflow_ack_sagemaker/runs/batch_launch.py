"""The launches of one look of a batch: all that are due, with the run's own definition where it has one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.definition.parse import DefinitionError
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, classify
from airflow_ack_sagemaker.core.run.batch import Member, Standing
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.definition import TAKEN_SECONDS, OwnDefinition, unproven
from airflow_ack_sagemaker.runs.launch import create, with_own_definition
from airflow_ack_sagemaker.runs.look import Run, resources_of
from airflow_ack_sagemaker.runs.pipeline import KnownPipeline, NotSynced, look_up
from airflow_ack_sagemaker.runs.stop import stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

_SHOWN = 5
"""Wrong executions that one error names."""


def launch_members(
    client: KubeClient,
    run: Run,
    specs: Sequence[ExecutionSpec],
    due: Sequence[Member],
    waiting: Sequence[Member],
    *,
    pipeline_resource_name: str | None,
    own: OwnDefinition | None,
    observed: Callable[[Resource], Outcome],
    log: Log,
) -> list[Member]:
    """Create the resources of all that are due.

    :param waiting: all that are not launched yet: one wrong one of many is found before any is created.
    :returns: those that are due, as they are now.
    :raises SpecError: naming the executions that cannot work.
    :raises KubeError: the cluster refuses something or cannot be asked.
    """
    name = specs[0].pipeline_name
    attempts = {member.place: member.attempt for member in due}
    created: dict[int, dict[str, Any]] = {}
    proven: set[int] = set()

    def create_all(pipeline: KnownPipeline, places: Sequence[int]) -> None:
        checked = _checked(pipeline, specs, waiting)
        pipeline.tell_of_numbers([checked[place] for place in places], log)
        for member in due:
            if member.place in places:
                place = member.place
                whose = Run(run.identity.member(member.index), run.namespace, run.tried, run.first_attempt)
                created[place] = create(client, checked[place], whose, attempt=attempts[place], log=log)

    def again(places: Sequence[int]) -> list[int]:
        """What of these must be launched once more: it is stopped, and its next attempt is due."""
        if own is None:
            return []
        live = _taken(client, run, [created[place] for place in places], log)
        doubtful = {outcome.name for outcome in unproven(client, live, own, run.namespace, log=log)}
        sure = {fields.name(resource) for resource in live} - doubtful
        proven.update(place for place in places if fields.name(created[place]) in sure)
        left = [place for place in places if fields.name(created[place]) in doubtful]
        if left:
            stop(client, [classify(created[place]) for place in left], why="It may run another's definition", log=log)
        for place in left:
            attempts[place] += 1
        return left

    places = [member.place for member in due]
    try:
        resource_name = own.fixed.resource_name if own is not None else pipeline_resource_name
        pipeline: KnownPipeline | None = look_up(client, name, run.namespace, resource_name, log, observed=observed)
    except NotSynced:
        if own is None:
            raise
        pipeline = None
    if pipeline is not None and (own is None or pipeline.runs(own.fixed.sha256)):
        create_all(pipeline, places)
        places = again(places)  # empty without a definition of one's own
    if places and own is not None:

        def attempt(pipeline: KnownPipeline) -> bool:
            nonlocal places
            create_all(pipeline, places)
            places = again(places)
            return not places

        with_own_definition(client, run, own, attempt, name, observed=observed, log=log)
    return [
        Member(
            member.index,
            Standing.ACTIVE,
            attempts[member.place],
            classify(created[member.place]),
            resource=created[member.place],
            place=member.place,
            proven=member.place in proven,
        )
        for member in due
    ]


def _taken(client: KubeClient, run: Run, created: Sequence[Mapping[str, Any]], log: Log) -> list[dict[str, Any]]:
    """Those of some executions that SageMaker has taken, once it has taken all, or after `TAKEN_SECONDS`."""
    log.info("Waiting until SageMaker has taken %d executions, at most %.0f s.", len(created), TAKEN_SECONDS)
    names, end = {fields.name(resource) for resource in created}, time.monotonic() + TAKEN_SECONDS
    while True:
        found = [item for item in resources_of(client, run.namespace, run.identity) if fields.name(item) in names]
        for item in found:
            item.setdefault("kind", PIPELINE_EXECUTION.kind)
        live = [item for item in found if classify(item).started]
        if len(live) == len(names) or time.monotonic() >= end:
            return live
        client.sleep(0.5)


def _checked(
    pipeline: KnownPipeline, specs: Sequence[ExecutionSpec], waiting: Sequence[Member]
) -> dict[int, ExecutionSpec]:
    found: dict[int, ExecutionSpec] = {}
    problems = []
    for member in waiting:
        try:
            found[member.place] = pipeline.checked(specs[member.place])
        except DefinitionError as error:
            problems.append(f"executions[{member.place}]: {error}")
    if problems:
        raise SpecError(listed(problems))
    return found


def listed(problems: Sequence[str]) -> str:
    """The first of them, a line each, and how many more there are."""
    more = f"\n... and {len(problems) - _SHOWN} more." if len(problems) > _SHOWN else ""
    return "\n".join(problems[:_SHOWN]) + more
