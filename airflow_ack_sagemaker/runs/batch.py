"""The requests of a batch: one list of all its executions, then what `next_actions` says."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.compat import masked_parameters
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Relation, relation_of
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.batch import (
    FailurePolicy,
    Member,
    Standing,
    by_number,
    members_of,
    next_actions,
)
from airflow_ack_sagemaker.core.run.batch_input import assign_slots
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from airflow_ack_sagemaker.core.run.ownership import check_ours, check_pipeline
from airflow_ack_sagemaker.core.run.reported import is_reported
from airflow_ack_sagemaker.core.run.stopping import is_given_up
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.kube.server_clock import clock_of
from airflow_ack_sagemaker.runs.batch_launch import launch_members, listed
from airflow_ack_sagemaker.runs.collect import History, collect
from airflow_ack_sagemaker.runs.definition import OwnDefinition, unproven
from airflow_ack_sagemaker.runs.end import end, record
from airflow_ack_sagemaker.runs.launch import launched
from airflow_ack_sagemaker.runs.look import Run, resources_of
from airflow_ack_sagemaker.runs.stop import confirm_all_stopped, stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient


@dataclass(frozen=True, slots=True)
class Batch:
    """What a task launches, and how: fixed for the whole try.

    ``own`` is the definition that the run has applied, which all executions must run; None: whichever there is.
    ``observed`` reads how the Pipeline stands.
    """

    specs: Sequence[ExecutionSpec]
    run: Run
    pipeline_resource_name: str | None
    waits: Waits
    max_active: int | None
    spare_failures: int
    policy: FailurePolicy
    on_timeout: str
    own: OwnDefinition | None = None
    observed: Callable[[Resource], Outcome] = observe

    def check(self) -> None:
        """Refuse what Kubernetes or SageMaker would refuse, before anything is asked.

        :raises SpecError: naming the executions and what is wrong with them.
        """
        problems = []
        for index, spec in enumerate(self.specs):
            try:
                spec.manifest(self.run.namespace, self.run.identity.member(index), attempt=1, tried=self.run.tried)
            except SpecError as error:
                problems.append(f"executions[{index}]: {error}")
        if problems:
            raise SpecError(listed(problems))


def advance(
    client: KubeClient,
    batch: Batch,
    progress: Progress,
    *,
    log: Log,
    history: History | None = None,
    now: Callable[[], float] = time.time,
) -> list[Member]:
    """Look at all, give up what is past its deadline, launch or stop what is due: how they stand then.

    Killed at any point and begun again it doubles nothing: names say what is launched, and the list shows it.

    :param progress: is brought up to date.
    :param history: given at a try's first look: how much of the task's earlier runs stays.
    :param now: Unix time in seconds, of the deadlines.
    :returns: in the order of the list.
    :raises SpecError, DefinitionError: an execution that cannot work; where nothing was launched yet, nothing is.
    :raises KubeError: the cluster refuses something or cannot be asked.
    """
    run = batch.run
    earlier_runs = history is not None and not history.unlimited
    found = resources_of(client, run.namespace, run.identity, earlier_runs=earlier_runs)
    numbered = by_number(found, run.identity)
    _check_all_ours(batch, numbered)
    slots = _slots(batch, numbered, progress)
    _read_times(client, batch, numbered, progress, now(), log)
    members = members_of(
        numbered,
        slots,
        run.tried,
        first_attempt=run.first_attempt,
        progress=progress,
        waits=batch.waits,
        now=now(),
    )
    _stop_cleared(client, batch, numbered, members, log)
    if batch.own is not None:
        _only_own_definition(client, batch.own, run.namespace, members, progress, log)
    stopped: list[Outcome] = []
    for member in members:
        if member.standing is Standing.ACTIVE:
            progress.touched.add(member.index)
        elif member.verdict is Verdict.REACHED and member.resource is not None and member.outcome is not None:
            progress.touched.add(member.index)
            progress.saw(member.index, member.attempt, member.outcome)
        elif member.verdict not in (None, Verdict.REACHED) and member.index not in progress.given_up:
            members[member.place] = _give_up(client, member, batch, progress, stopped, log)
    confirm_all_stopped(client, stopped, log=log)
    actions = next_actions(
        members, max_active=batch.max_active, spare_failures=batch.spare_failures, policy=batch.policy
    )
    for member in actions.stop:
        members[member.place] = _stop(client, member, batch, progress, log)
    confirm_all_stopped(client, [member.outcome for member in actions.stop if member.outcome is not None], log=log)
    if actions.launch:
        waiting = [member for member in members if member.standing is Standing.WAITING]
        for member in launch_members(
            client,
            run,
            batch.specs,
            actions.launch,
            waiting,
            pipeline_resource_name=batch.pipeline_resource_name,
            own=batch.own,
            observed=batch.observed,
            log=log,
        ):
            progress.touched.add(member.index)
            progress.launched[member.index] = now()
            if member.proven and member.resource is not None:
                progress.prove(member.index, member.resource)
            members[member.place] = member
        if history is not None and earlier_runs:
            earlier = [resource for resource in found if not run.identity.of_run(resource)]
            collect(client, earlier, history, run.namespace, log=log)
    return members


def record_all(client: KubeClient, members: Sequence[Member], *, try_number: int, log: Log) -> None:
    """Write on each execution that has ended that it was told to Airflow, so that the next try does not tell it again.

    At the very end of a try: a try that dies before leaves all to the next one.
    """
    for member in members:
        known = member.resource is None or is_reported(member.resource)
        if member.verdict is Verdict.REACHED and member.outcome is not None and not known:
            record(client, member.outcome, try_number=try_number, log=log)


def facts_of(member: Member, spec: ExecutionSpec) -> dict[str, Any]:
    """What the result says about an execution beside its outcome: its parameters, and what it ran."""
    if member.resource is None:
        return {"parameters": {item["name"]: item["value"] for item in spec.parameters}}
    facts = launched(member.resource, spec).facts
    return {key: facts[key] for key in ("parameters", "definition_sha256")}


def _read_times(
    client: KubeClient,
    batch: Batch,
    numbered: Mapping[int, Sequence[Resource]],
    progress: Progress,
    now: float,
    log: Log,
) -> None:
    """Bring what the try remembers to this machine's clock. The API server is asked for its own only where another
    machine's may differ, or where the age of what an earlier try has launched matters.
    """
    mine = (resource for resources in numbered.values() for resource in resources)
    active = next((resource for resource in mine if not classify(resource).finished), None)
    asking = batch.waits.whole is not None if progress.moment is None else progress.moment.doubtful(now)
    clock = progress.clock
    if asking and active is not None:
        clock = clock_of(client, PIPELINE_EXECUTION, fields.name(active), batch.run.namespace, log=log)
        progress.read_at(now, clock)
    else:
        progress.read_at(now)
        clock = progress.clock
    progress.hand_over(now, clock)


def _slots(batch: Batch, numbered: Mapping[int, Sequence[Resource]], progress: Progress) -> list[int]:
    """The numbers of the list's executions: the same for the whole try, unless the list was edited."""
    digests = [spec.asked() for spec in batch.specs]
    asked = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
    if progress.asked != asked:
        progress.slots = assign_slots(digests, numbered, batch.run.tried, masked_parameters)
        progress.asked = asked
        progress.ended.clear()  # of an execution that is not there any more its number does not tell what it was
    return progress.slots


def _check_all_ours(batch: Batch, numbered: Mapping[int, Sequence[Resource]]) -> None:
    for number, resources in numbered.items():
        for resource in resources:
            check_ours(resource, batch.run.identity.member(number))
            if relation_of(resource, batch.run.tried) is Relation.SAME_RUN:
                check_pipeline(resource, batch.specs[0].pipeline_name if batch.specs else "")


def _stop_cleared(
    client: KubeClient,
    batch: Batch,
    numbered: Mapping[int, Sequence[Resource]],
    members: Sequence[Member],
    log: Log,
) -> None:
    """Stop what a user has cleared, also what the present list has no place for any more."""
    stopping = [member.cleared for member in members if member.cleared is not None]
    known = {member.index for member in members}
    for number, resources in numbered.items():
        for resource in resources if number not in known else ():
            outcome = classify(resource)
            if outcome.finished or relation_of(resource, batch.run.tried) is not Relation.CLEARED:
                continue
            stopping.append(outcome)
    if stopping:
        stop(client, stopping, why="The task was cleared", log=log)


def _only_own_definition(
    client: KubeClient, own: OwnDefinition, namespace: str, members: list[Member], progress: Progress, log: Log
) -> None:
    """What was launched counts only if it surely runs this run's definition. That is proven once: who changes the
    Pipeline afterwards changes nothing about it.
    """
    if progress.definition != own.fixed.sha256:
        progress.definition = own.fixed.sha256
        progress.proven.clear()
    started = [
        member
        for member in members
        if member.outcome is not None
        and member.outcome.started
        and not is_given_up(member.outcome)
        and member.resource is not None
        and member.index not in progress.confirmed
        and member.index not in progress.given_up
    ]
    open_ones = [m.resource for m in started if m.resource and not progress.is_proven(m.index, m.resource)]
    doubtful = unproven(client, open_ones, own, namespace, log=log)
    known = {outcome.name for outcome in doubtful}
    for member in started:
        if member.outcome is not None and member.outcome.name not in known and member.resource is not None:
            progress.prove(member.index, member.resource)
        # At its end SageMaker is asked, too: somebody may have changed the pipeline there.
        if member.outcome is not None and member.succeeded and member.outcome.name not in known:
            ran = own.ran(member.outcome)
            if ran is not None and ran != own.fixed.sha256:
                log.warning("%s: SageMaker says that it ran another definition.", member.outcome.resource)
                doubtful.append(member.outcome)
            else:
                progress.confirmed.add(member.index)
    stop(
        client,
        [outcome for outcome in doubtful if not outcome.finished],
        why="It may run another's definition",
        log=log,
    )
    for member in members:
        if member.resource is None and member.succeeded and member.index not in progress.proven:
            # It was deleted after it had ended, and nothing tells any more what it ran.
            lost = replace(member.outcome, state=State.GONE) if member.outcome else None
            members[member.place] = replace(member, outcome=lost)
    names = {outcome.name for outcome in doubtful}
    for member in started:
        if member.outcome is not None and member.outcome.name in names:
            progress.next_attempt[member.index] = member.attempt + 1
            progress.forget(member.index)
            members[member.place] = Member(member.index, Standing.WAITING, member.attempt + 1, place=member.place)


def _give_up(
    client: KubeClient, member: Member, batch: Batch, progress: Progress, stopped: list[Outcome], log: Log
) -> Member:
    """Withdraw what nobody reconciles or what is tried in vain; leave or stop what takes too long."""
    outcome = member.outcome
    if outcome is None or member.verdict is None:
        return member
    log.warning("%s: %s.", outcome.resource, member.verdict)
    ended = end(client, outcome, member.verdict, on_timeout=batch.on_timeout, confirm=False, log=log)
    if ended.verdict is None:
        # It has started in this very moment.
        progress.touched.add(member.index)
        return replace(member, standing=Standing.ACTIVE, verdict=None, outcome=ended.outcome)
    if ended.verdict is Verdict.REACHED:
        return replace(member, outcome=ended.outcome, verdict=Verdict.REACHED)
    if ended.deleted:
        stopped.append(outcome)
    progress.give_up(member.index, member.verdict, outcome)
    return member


def _stop(client: KubeClient, member: Member, batch: Batch, progress: Progress, log: Log) -> Member:
    outcome = member.outcome
    if outcome is None:
        return member
    log.info("Stopping %s, because too many others have failed.", outcome.resource)
    if not delete_if_same(client, PIPELINE_EXECUTION, outcome.name, batch.run.namespace, uid=outcome.uid):
        log.info("%s is gone already.", outcome.resource)
    progress.touched.add(member.index)
    progress.stopped.add(member.index)
    ended = replace(outcome, state=State.GONE, gone=True)
    return replace(member, standing=Standing.ENDED, verdict=Verdict.REACHED, outcome=ended, stopped=True)
