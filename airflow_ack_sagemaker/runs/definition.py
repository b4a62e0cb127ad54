"""The definition that runs is the one that this run has applied: checked before the launch and after it.

`core.run.definition_ran` says what proves it. Where another's definition stands in the cluster, this run takes the
Pipeline's lease, applies its own again, launches, and waits until SageMaker has taken it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import generation_of
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_GENERATION,
    ANNOTATION_RAN,
    LABEL_PIPELINE,
    label_value,
)
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal
from airflow_ack_sagemaker.core.run.definition_ran import FixedDefinition, has_run, is_known
from airflow_ack_sagemaker.core.run.reported import is_reported
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.kube.errors import Forbidden, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.lease import LeaseWait, wait_for_turn

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

TAKEN_SECONDS = 60.0
"""How long to wait for SageMaker's first word about an execution; a controller that is idle gives it within one."""


@dataclass(frozen=True, slots=True)
class OwnDefinition:
    """The definition that this run has applied, and what is needed to prove it or to apply it again.

    ``again`` reads it once more, and raises `SpecError` where it cannot be had any more. ``ran`` asks SageMaker for
    the digest of the definition that an execution has run; None: SageMaker may not be asked.
    """

    fixed: FixedDefinition
    again: Callable[[], PipelineSpec]
    ran: Callable[[Outcome], str | None] = lambda outcome: None


def unproven(
    client: KubeClient, executions: Sequence[Resource], own: OwnDefinition, namespace: str, *, log: Log
) -> list[Outcome]:
    """Those of some executions, all taken by SageMaker, that may have run another definition than this run's.

    :raises KubeError: the cluster cannot be asked.
    """
    sha256 = own.fixed.sha256
    unmarked = [execution for execution in executions if not is_known(execution, sha256)]
    if not unmarked:
        return []
    try:
        pipeline: Resource | None = client.get(PIPELINE, own.fixed.resource_name, namespace)
    except NotFound:
        pipeline = None
    except Forbidden as error:
        log.warning("Which definition the executions run is not checked: %s", error)
        return []
    doubtful = []
    for execution in unmarked:
        outcome = classify(execution)
        if has_run(execution, pipeline, sha256, outcome):
            continue
        ran = own.ran(outcome)
        if ran == sha256:
            mark(client, outcome, sha256, log=log)
            continue
        log.warning(
            "%s: %s. This run has applied the definition %s.",
            outcome.resource,
            f"SageMaker says that it ran the definition {ran[:12]}"
            if ran
            else "the Pipeline was changed about when it was launched, so it may have run another definition",
            sha256[:12],
        )
        doubtful.append(outcome)
    return doubtful


def mark(client: KubeClient, outcome: Outcome, sha256: str, *, log: Log) -> None:
    """Write on an execution which definition it has run, so that later changes of the Pipeline raise no doubt."""
    try:
        _mark(client, outcome, sha256)
    except KubeError as error:
        log.warning("Cannot write on %s which definition it has run: %s", outcome.resource, error)


def _mark(client: KubeClient, outcome: Outcome, sha256: str) -> None:
    body = {"metadata": {"annotations": {ANNOTATION_RAN: sha256}}}
    with suppress(NotFound):
        client.patch(PIPELINE_EXECUTION, outcome.name, body, outcome.namespace)


def prepare_change(client: KubeClient, pipeline: Resource, turn: LeaseWait, *, log: Log) -> bool:
    """Before a Pipeline's definition is changed: let others finish who work with the present one.

    :param turn: the caller's place among those who wait for the lease.
    :returns: whether it was waited for; then the Pipeline may be another by now.
    :raises KubeError: the cluster cannot be asked.
    """
    if wait_for_turn(client, pipeline, turn, log=log):
        return True
    try:
        return mark_all(client, pipeline, until=turn.until(TAKEN_SECONDS), log=log)
    except Forbidden as error:  # then their own runs must find out
        log.info("Executions of the present definition are not looked at: %s", error)
        return False


def mark_all(client: KubeClient, pipeline: Resource, *, until: float, log: Log) -> bool:
    """Before a definition is changed: write on all executions of the present one that they have run it.

    Those that SageMaker has not taken yet are waited for: they would run the next definition. One that is launched in
    this very moment is found by its own run.

    :param until: when waiting is over (`time.monotonic`); what is not taken then may never be.
    :returns: whether the Pipeline may be another by now.
    :raises KubeError: the cluster cannot be asked, or something cannot be written.
    """
    namespace, generation = fields.namespace(pipeline), generation_of(pipeline)
    selector = f"{LABEL_PIPELINE}={label_value(str(fields.spec(pipeline).get('pipelineName', '')))}"
    said = False
    while True:
        waiting = []
        listed = client.list(PIPELINE_EXECUTION, namespace, label_selector=selector).items
        # Read after them: what is taken by then was taken while the Pipeline had this generation.
        try:
            if generation_of(client.get(PIPELINE, fields.name(pipeline), namespace)) != generation:
                return True
        except NotFound:
            return True
        for execution in listed:
            execution.setdefault("kind", PIPELINE_EXECUTION.kind)
            sha256 = fields.annotation(execution, ANNOTATION_DEFINITION_SHA256)
            outcome = classify(execution)
            if fields.annotation(execution, ANNOTATION_GENERATION) != generation or sha256 is None:
                continue
            if is_known(execution, sha256) or is_reported(execution):
                continue
            if outcome.started:
                _mark(client, outcome, sha256)
            elif outcome.state in (State.UNSEEN, State.IN_PROGRESS):
                waiting.append(outcome.name)
        if not waiting:
            return said
        if time.monotonic() >= until:
            log.warning("%s are not taken by SageMaker; they may run the next definition.", ", ".join(waiting[:5]))
            return False
        if not said:
            log.info("Waiting until SageMaker has taken %s, before the definition is changed.", ", ".join(waiting[:5]))
            said = True
        client.sleep(0.5)


def taken(client: KubeClient, resource: Resource, *, log: Log) -> dict[str, Any] | None:
    """The execution once SageMaker has taken it; None where it has not within `TAKEN_SECONDS`, or it is gone.

    :raises KubeError: the cluster cannot be asked.
    """
    outcome = classify(resource)
    log.info("Waiting until SageMaker has taken %s, at most %.0f s.", outcome.name, TAKEN_SECONDS)
    last, _ = wait(
        client,
        PIPELINE_EXECUTION,
        outcome.name,
        namespace=outcome.namespace,
        uid=outcome.uid,
        deadlines=Deadlines(finish_by=time.time() + TAKEN_SECONDS),
        goal=Goal.STARTED,
    )
    if not last.started:
        return None
    try:
        return client.get(PIPELINE_EXECUTION, outcome.name, outcome.namespace)
    except NotFound:
        return None
