"""The requests of a rollout: look what serves, make what is to serve, go back, write down, clear up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker import metrics
from airflow_ack_sagemaker.core.lifecycle.attempts import Action, Plan, plan
from airflow_ack_sagemaker.core.lifecycle.serving import (
    ANNOTATION_MODEL,
    ANNOTATION_SERVES,
    LABEL_ENDPOINT,
    EndpointSpec,
    metrics_of,
)
from airflow_ack_sagemaker.core.lifecycle.standing import (
    ANNOTATION_LAST_CONFIG,
    Rollout,
    Standing,
    failure_reason,
    read,
    serving_config,
)
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import change_note, pause_before_change
from airflow_ack_sagemaker.core.resource.identity import LABEL_RUN, OURS, label_value
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.deadlines import DELETION_TIMEOUT, Deadlines, Goal, Verdict
from airflow_ack_sagemaker.core.run.reported import is_reported, report
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.look import Run

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

MODEL, CONFIG, ENDPOINT = kind_of("Model"), kind_of("EndpointConfig"), kind_of("Endpoint")

BACK_SECONDS = 60.0
"""How long a task waits until the endpoint has confirmed that it serves the former configuration: it was seen to do so
within a second, unless SageMaker is at work on it once more."""
_ROUNDS, _PATIENT_ROUNDS = 20, 3
"""Each round loses to another writer at most once."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the cluster has of an endpoint before a rollout, and what this try does."""

    plan: Plan
    endpoint: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Back:
    """What serves after a rollout has failed. ``config`` None: nothing, or it is not known. ``confirmed``: the endpoint
    itself has said so. ``reason`` is what SageMaker says of the failure by then."""

    config: str | None
    confirmed: bool
    reason: str | None = None


def look(client: KubeClient, spec: EndpointSpec, run: Run) -> Look:
    """What is there, and what this try does: three requests.

    :raises SpecError: the resource is another endpoint's.
    :raises KubeError: the cluster cannot be asked.
    """
    endpoint = _or_none(client, ENDPOINT, spec.name, run.namespace)
    has = fields.text(fields.spec(endpoint), "endpointName") if endpoint is not None else None
    if has not in (None, spec.endpoint_name):
        raise SpecError(
            f"endpoint/{spec.name} (namespace {run.namespace}) is the resource of endpoint {has!r}, not of "
            f"{spec.endpoint_name!r}: names that differ in case only share a resource. Choose another endpoint_name."
        )
    own = client.list(CONFIG, run.namespace, label_selector=f"{LABEL_RUN}={run.identity.digest}").items
    serves = serving_config(endpoint)
    serving = _or_none(client, CONFIG, serves.lower(), run.namespace) if serves else None
    found = plan(
        endpoint,
        own,
        serving,
        asked=spec.asked(),
        identity=run.identity,
        tried=run.tried,
        first_attempt=run.first_attempt,
    )
    while found.action is Action.ROLL_OUT and spec.attempt_name(run.identity, found.attempt) in _taken(endpoint):
        found = replace(found, attempt=found.attempt + 1)
    return Look(found, endpoint)


def _taken(endpoint: Resource | None) -> tuple[str | None, ...]:
    """The configurations that an endpoint knows, whether they are in the cluster or were deleted. Asked for one that it
    has, it changes nothing, and the controller refuses for good the one that it has sent last and that failed.
    """
    if endpoint is None:
        return ()
    asks = fields.text(fields.spec(endpoint), "endpointConfigName")
    return asks, serving_config(endpoint), fields.annotation(endpoint, ANNOTATION_LAST_CONFIG)


def remove_failed(client: KubeClient, endpoint: dict[str, Any], *, log: Log) -> None:
    """Delete an endpoint whose creation has failed, and wait until it is gone: it serves nothing, and SageMaker takes
    no update of it.

    :raises SpecError: this package has not made it.
    :raises KubeError: the cluster refuses it, or it does not go.
    """
    outcome = classify(endpoint)
    key, _, value = OURS.partition("=")
    if fields.label(endpoint, key) != value:
        raise SpecError(
            f"{outcome.resource} is Failed ({outcome.reason}) and was made by somebody else. SageMaker takes no update "
            "of an endpoint whose creation has failed: delete it, then run it again."
        )
    log.info("%s could not be created (%s): deleting it, to create it anew.", outcome.resource, outcome.reason)
    if not delete_if_same(client, ENDPOINT, outcome.name, outcome.namespace, uid=outcome.uid):
        return
    deadlines = Deadlines(finish_by=time.time() + DELETION_TIMEOUT)
    _, verdict = wait(
        client,
        ENDPOINT,
        outcome.name,
        namespace=outcome.namespace,
        uid=outcome.uid,
        deadlines=deadlines,
        goal=Goal.GONE,
    )
    if verdict is not Verdict.REACHED:
        raise KubeError(f"{outcome.resource} is deleted and does not go: see its finalizer and the controller's log.")


def go_back(
    client: KubeClient,
    name: str,
    namespace: str,
    rollout: Rollout,
    *,
    log: Log,
    seconds: float = BACK_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Back:
    """Ask the endpoint for the configuration that served before, and wait shortly until it says that it serves it.

    SageMaker serves it already, so nothing is sent to it: but until the resource asks for it, the controller calls the
    resource refused, or sends the failed update again and again. Whatever somebody else has asked for meanwhile stays.

    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    former = rollout.former
    if former is None:
        return Back(None, confirmed=False)
    for number in range(_ROUNDS):
        live = _or_none(client, ENDPOINT, name, namespace)
        if live is None:
            return Back(None, confirmed=False)
        asks = fields.text(fields.spec(live), "endpointConfigName")
        if asks != rollout.config:
            if asks != former:
                log.info("endpoint/%s asks for %s by now, which stays.", name, asks)
                return Back(serving_config(live), confirmed=True)
            break
        if number < _PATIENT_ROUNDS:  # then rather an answer that cannot be told than none
            sleep(pause_before_change(live, None).total_seconds())
        metadata = {"resourceVersion": fields.version(live), "annotations": change_note(live)}
        body = {"metadata": metadata, "spec": {"endpointConfigName": former}}
        try:
            client.patch(ENDPOINT, name, body, namespace)
        except Conflict:
            continue  # the controller wrote in between: look again
        log.info("endpoint/%s asks for configuration %s again, which served before.", name, former)
        break
    else:
        raise KubeError(f"endpoint/{name} changes again and again: it still asks for {rollout.config}.")
    return _confirmed(client, name, namespace, former, seconds)


def _confirmed(client: KubeClient, name: str, namespace: str, config: str, seconds: float) -> Back:
    """Wait until the endpoint says that it serves this configuration."""
    wanted, reason = Rollout(config), None

    def judge(resource: Any, last: Outcome) -> Outcome:
        nonlocal reason
        reason = None if resource is None else failure_reason(resource)
        return read(resource, wanted, last).outcome

    outcome, _ = wait(
        client,
        ENDPOINT,
        name,
        namespace=namespace,
        uid=None,
        deadlines=Deadlines(),
        until=time.time() + seconds,
        judge=judge,
    )
    return Back(config, outcome.state is State.SUCCEEDED, reason)


def write_down_end(client: KubeClient, config: str, outcome: Outcome, namespace: str, *, number: int, log: Log) -> None:
    """Write on an attempt's configuration that its end was told: the next try then makes a new one."""
    ended = _ended(outcome)
    metrics.ended(ended.kind, ended.state.value)
    body = report(ended, try_number=number, now=time.time())
    _annotate(client, CONFIG, config.lower(), namespace, body, log)


def write_down_serving(client: KubeClient, name: str, config: str, namespace: str, *, log: Log) -> None:
    """Write on the endpoint what it serves: nothing else tells while an update of it runs."""
    body = {"metadata": {"annotations": {ANNOTATION_SERVES: config}}}
    _annotate(client, ENDPOINT, name, namespace, body, log)


@dataclass(frozen=True, slots=True)
class Serving:
    """What an endpoint serves: the configuration, the model (None: not known) and what a gate had read of that."""

    config: str
    model: str | None
    metrics: Mapping[str, float]


def serving(client: KubeClient, endpoint_name: str, namespace: str) -> Serving | None:
    """What an endpoint serves now; None: nothing, or it is not known.

    :raises KubeError: the cluster cannot be asked.
    """
    endpoint = _or_none(client, ENDPOINT, endpoint_name.lower(), namespace)
    config = serving_config(endpoint) or (endpoint and fields.annotation(endpoint, ANNOTATION_SERVES))
    if not config:
        return None
    found = _or_none(client, CONFIG, config.lower(), namespace)
    model = None if found is None else fields.annotation(found, ANNOTATION_MODEL)
    return Serving(config, model, metrics_of(found))


def asked_for(client: KubeClient, name: str, namespace: str) -> str | None:
    """The configuration that an endpoint is asked to serve, whether it does or not; None: there is no endpoint."""
    live = _or_none(client, ENDPOINT, name, namespace)
    return None if live is None else fields.text(fields.spec(live), "endpointConfigName")


def model_served_by(client: KubeClient, config: str | None, namespace: str) -> str | None:
    """What a configuration serves, for people; None where that is not known."""
    found = _or_none(client, CONFIG, config.lower(), namespace) if config else None
    return None if found is None else fields.annotation(found, ANNOTATION_MODEL)


def clear_up(
    client: KubeClient, spec: EndpointSpec, namespace: str, *, spare: set[str], keep: int, log: Log
) -> list[str]:
    """Delete the models and configurations of earlier rollouts of this endpoint, but the newest ones.

    SageMaker lets a configuration be deleted that an endpoint serves, and the next update then fails: so none of
    ``spare`` goes, nor any whose rollout has not ended.

    :param keep: how many earlier ones stay, to go back to.
    :returns: the names that were deleted.
    """
    try:
        selector = f"{LABEL_ENDPOINT}={label_value(spec.endpoint_name)},{OURS}"
        found = client.list(CONFIG, namespace, label_selector=selector).items
        ended = [config for config in found if is_reported(config) and fields.name(config) not in spare]
        old = sorted(ended, key=lambda config: str(fields.created(config)), reverse=True)[keep:]
        for config in old:
            name = fields.name(config)
            delete_if_same(client, CONFIG, name, namespace, uid=fields.uid(config))
            delete_if_same(client, MODEL, name, namespace, uid=None)
            log.info("Deleted endpointconfig/%s and its model, of an earlier rollout.", name)
        return [fields.name(config) for config in old]
    except KubeError as error:  # the rollout has succeeded, whatever becomes of what is left over
        log.warning("Cannot clear up what earlier rollouts of %s have left: %s", spec.endpoint_name, error)
        return []


def leaves_endpoint_as_it_is(standing: Standing | None, verdict: Verdict) -> bool:
    """Whether a rollout that has not succeeded is not taken back: it runs on, or only a person can mend it."""
    if verdict in (Verdict.TIMED_OUT, Verdict.EXECUTION_TIMED_OUT):
        return True
    return standing in (Standing.CREATION_FAILED, Standing.BROKEN, Standing.REPLACED, Standing.GONE)


def _ended(outcome: Outcome) -> Outcome:
    return outcome if outcome.finished else replace(outcome, state=State.FAILED)


def _annotate(client: KubeClient, kind: Kind, name: str, namespace: str, body: dict[str, Any], log: Log) -> None:
    try:
        client.patch(kind, name, body, namespace)
    except NotFound:
        log.info("%s/%s is gone already.", kind.singular, name)
    except KubeError as error:  # must not hide how it ended
        log.warning("Cannot write down on %s/%s how its rollout has ended: %s", kind.singular, name, error)


def _or_none(client: KubeClient, kind: Kind, name: str, namespace: str) -> dict[str, Any] | None:
    try:
        return client.get(kind, name, namespace)
    except NotFound:
        return None
