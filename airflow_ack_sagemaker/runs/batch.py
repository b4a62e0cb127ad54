"""The requests of a batch: one list of all its executions, then what `next_actions` says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.definition.parse import DefinitionError
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.batch import (
    Member,
    Policy,
    Progress,
    Standing,
    Waits,
    members_of,
    next_actions,
)
from airflow_ack_sagemaker.core.run.batch_wait import BatchWait
from airflow_ack_sagemaker.core.run.deadlines import Verdict, goes_on
from airflow_ack_sagemaker.core.run.decision import is_reported
from airflow_ack_sagemaker.follow.batch import follow_batch
from airflow_ack_sagemaker.kube.errors import Conflict, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.collect import History, collect
from airflow_ack_sagemaker.runs.launch import create, launched, record, resources_of, withdraw
from airflow_ack_sagemaker.runs.pipeline import look_up
from airflow_ack_sagemaker.runs.stop import confirm_all_stopped

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

_SHOWN = 5
"""Wrong executions that one error names."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a task launches, and how: fixed for the whole try."""

    specs: Sequence[ExecutionSpec]
    namespace: str
    identity: RunIdentity
    first_try: int
    pipeline_resource_name: str | None
    waits: Waits
    max_active: int | None
    spare_failures: int
    policy: Policy
    on_timeout_stop: bool

    def check(self) -> None:
        """Refuse what Kubernetes or SageMaker would refuse, before anything is asked.

        :raises SpecError: naming the executions and what is wrong with them.
        """
        problems = []
        for index, spec in enumerate(self.specs):
            try:
                spec.manifest(self.namespace, self.identity.member(index), attempt=1, first_try=self.first_try)
            except SpecError as error:
                problems.append(f"executions[{index}]: {error}")
        if problems:
            raise SpecError(_listed(problems))


def advance(
    client: KubeClient, batch: Batch, progress: Progress, *, log: Log, history: History | None = None
) -> list[Member]:
    """Look at all, give up what is past its deadline, launch or stop what is due: how they stand then.

    Killed at any point and begun again it doubles nothing: names say what is launched, and the list shows it.

    :param progress: is brought up to date.
    :param history: given at a try's first look: how much of the task's earlier runs stays.
    :raises SpecError, DefinitionError: an execution that cannot work; where nothing was launched yet, nothing is.
    :raises KubeError: the cluster refuses something or cannot be asked.
    """
    earlier_runs = history is not None and not history.unlimited
    found = resources_of(client, batch.namespace, batch.identity, earlier_runs=earlier_runs)
    members = _standing(found, batch, progress)
    _stop_cleared(client, members, log)
    stopped: list[Outcome] = []
    for member in members:
        if member.standing is Standing.ACTIVE:
            progress.touched.add(member.index)
        elif member.verdict not in (None, Verdict.REACHED) and member.index not in progress.given_up:
            members[member.index] = given = _give_up(client, member, batch, progress, log)
            if batch.on_timeout_stop and given.verdict is Verdict.TIMED_OUT and given.outcome is not None:
                stopped.append(given.outcome)
    confirm_all_stopped(client, stopped, log=log)
    step = next_actions(members, max_active=batch.max_active, spare_failures=batch.spare_failures, policy=batch.policy)
    for member in step.stop:
        members[member.index] = _stop(client, member, batch, progress, log)
    confirm_all_stopped(client, [member.outcome for member in step.stop if member.outcome is not None], log=log)
    if step.launch:
        specs = _checked(client, batch, [member for member in members if member.standing is Standing.WAITING], log)
        for member in step.launch:
            identity, index = batch.identity.member(member.index), member.index
            resource = create(
                client,
                specs[index],
                batch.namespace,
                identity,
                attempt=member.attempt,
                first_try=batch.first_try,
                log=log,
            )
            progress.touched.add(index)
            members[index] = Member(index, Standing.ACTIVE, member.attempt, classify(resource), resource=resource)
        if history is not None and earlier_runs:
            earlier = [resource for resource in found if not batch.identity.of_run(resource)]
            collect(client, earlier, history, batch.namespace, log=log)
    return members


def record_all(client: KubeClient, members: Sequence[Member], *, try_number: int, log: Log) -> None:
    """Write on each execution that has ended that it was told to Airflow, so that the next try does not tell it again.

    At the very end of a try: a try that dies before leaves all to the next one.
    """
    for member in members:
        told = member.resource is None or is_reported(member.resource)
        if member.verdict is Verdict.REACHED and member.outcome is not None and not member.outcome.gone and not told:
            record(client, member.outcome, try_number=try_number, log=log)


def facts_of(member: Member, spec: ExecutionSpec) -> dict[str, Any]:
    """What the result says about an execution beside its outcome: its parameters, and what it ran."""
    if member.resource is None:
        return {"parameters": {item["name"]: item["value"] for item in spec.parameters}}
    facts = launched(member.resource, spec).facts
    return {key: facts[key] for key in ("parameters", "definition_sha256")}


def wait_here(client: KubeClient, batch: Batch, batch_wait: BatchWait, *, poll_interval: float) -> None:
    """Follow the batch in this process until something is due. What passes by waiting is waited out.

    :param poll_interval: seconds between lists, where ``watch`` is forbidden.
    """
    follow_batch(client, batch.namespace, batch.identity, len(batch.specs), batch_wait, poll_interval=poll_interval)


def _standing(resources: Sequence[Mapping[str, Any]], batch: Batch, progress: Progress) -> list[Member]:
    return members_of(
        resources,
        batch.identity,
        len(batch.specs),
        first_try=batch.first_try,
        progress=progress,
        waits=batch.waits,
        now=time.time(),
    )


def _give_up(client: KubeClient, member: Member, batch: Batch, progress: Progress, log: Log) -> Member:
    """Withdraw what nobody reconciles or what is tried in vain; leave or stop what takes too long."""
    outcome = member.outcome
    if outcome is None or member.verdict is None:
        return member
    log.warning("%s: %s.", outcome.resource, member.verdict)
    if member.verdict is Verdict.TIMED_OUT:
        if batch.on_timeout_stop:
            ended = withdraw(client, outcome, log=log, even_if_started=True)
            if ended is not None:
                return replace(member, outcome=ended, verdict=Verdict.REACHED)
    elif (now := withdraw(client, outcome, log=log)) is not None and goes_on(member.verdict, now):
        # It has started in this very moment.
        progress.touched.add(member.index)
        return replace(member, standing=Standing.ACTIVE, verdict=None, outcome=now)
    progress.give_up(member)
    return member


def _stop_cleared(client: KubeClient, members: Sequence[Member], log: Log) -> None:
    """Stop what a user has cleared, all at once, and wait until it has: what comes next would compete with it."""
    stopping = [member.cleared for member in members if member.cleared is not None]
    for outcome in stopping:
        log.info("The task was cleared: deleting %s, which stops it.", outcome.resource)
        try:
            client.delete(PIPELINE_EXECUTION, outcome.name, outcome.namespace, uid=outcome.uid)
        except (NotFound, Conflict):
            log.info("%s is gone already.", outcome.resource)
    confirm_all_stopped(client, stopping, log=log)


def _stop(client: KubeClient, member: Member, batch: Batch, progress: Progress, log: Log) -> Member:
    outcome = member.outcome
    if outcome is None:
        return member
    log.info("Stopping %s, because too many others have failed.", outcome.resource)
    try:
        client.delete(PIPELINE_EXECUTION, outcome.name, batch.namespace, uid=outcome.uid)
    except NotFound:
        log.info("%s is gone already.", outcome.resource)
    progress.touched.add(member.index)
    progress.stopped.add(member.index)
    ended = replace(outcome, state=State.GONE, gone=True)
    return replace(member, standing=Standing.ENDED, verdict=Verdict.REACHED, outcome=ended, stopped=True)


def _checked(client: KubeClient, batch: Batch, waiting: Sequence[Member], log: Log) -> dict[int, ExecutionSpec]:
    """The specs of all that wait, checked against the pipeline: one wrong one of many is found before any is created.

    :raises DefinitionError, SpecError: naming the executions and what is wrong with them.
    """
    pipeline = look_up(client, batch.specs[0].pipeline_name, batch.namespace, batch.pipeline_resource_name, log)
    specs: dict[int, ExecutionSpec] = {}
    problems = []
    for member in waiting:
        try:
            specs[member.index] = pipeline.checked(batch.specs[member.index])
        except DefinitionError as error:
            problems.append(f"executions[{member.index}]: {error}")
    if problems:
        raise SpecError(_listed(problems))
    return specs


def _listed(problems: Sequence[str]) -> str:
    more = f"\n... and {len(problems) - _SHOWN} more." if len(problems) > _SHOWN else ""
    return "\n".join(problems[:_SHOWN]) + more
