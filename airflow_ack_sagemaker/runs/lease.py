"""Who may change a Pipeline's definition now: a short lease on the Pipeline resource.

A run that launches with a definition of its own must apply it and launch before another run applies another one. Only
runs that found another's definition take the lease; everybody of this package who is about to change a definition
respects it. A holder that dies holds nobody up for long: a lease counts as over when it was seen unchanged for its
seconds, on the clock of whoever waits (as client-go's leader election does), so that no clocks are compared.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import PREFIX
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

ANNOTATION_LEASE = f"{PREFIX}/definition-held-by"
LEASE_SECONDS = 120.0
"""How long a holder may take: an apply, its answer, a launch and SageMaker's word take some five seconds."""
_LONGEST_WAIT = 1_800.0
"""Seconds after which a task gives up and leaves it to its next try."""


class Turn:
    """Waits for the lease of somebody else to end; remembers since when it has seen which one."""

    def __init__(self, token: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._clock = clock
        self._seen: tuple[str, float] | None = None
        self._end: float | None = None

    def until(self, seconds: float) -> float:
        """When waiting for what others have launched is over (`time.monotonic`): ``seconds`` from the first call."""
        if self._end is None:
            self._end = self._clock() + seconds
        return self._end

    def held_by(self, pipeline: Resource) -> str | None:
        """Who else holds the Pipeline now; None: nobody, or only somebody who has died."""
        lease = _read(pipeline)
        if lease is None or lease[0] == self._token:
            return None
        token, by, seconds = lease
        now = self._clock()
        if self._seen is None or self._seen[0] != token:
            self._seen = token, now
        return by if now - self._seen[1] < seconds else None


@contextmanager
def held(client: KubeClient, name: str, namespace: str, *, by: str, log: Log) -> Iterator[Turn]:
    """Hold the lease of a Pipeline resource; one that is not there is held by whoever creates it.

    :param by: who holds it, for the logs of others.
    :raises KubeError: others hold it for too long, or the cluster cannot be asked.
    """
    token = uuid.uuid4().hex
    turn = Turn(token)
    _acquire(client, name, namespace, turn, token, by, log)
    try:
        yield turn
    finally:
        _release(client, name, namespace, token, log)


def wait_for_turn(client: KubeClient, pipeline: Resource, turn: Turn, *, log: Log) -> bool:
    """Wait until nobody else holds a Pipeline.

    :param pipeline: as it was seen last.
    :returns: whether somebody held it; then the Pipeline may be another by now.
    :raises KubeError: others hold it for too long, or the cluster cannot be asked.
    """
    name, namespace = fields.name(pipeline), fields.namespace(pipeline)
    end, waited = time.monotonic() + _LONGEST_WAIT, False
    live: Resource = pipeline
    while (holder := turn.held_by(live)) is not None:
        if not waited:
            log.info("Waiting for %s, which launches with a definition of its own (pipeline/%s).", holder, name)
        waited = True
        if time.monotonic() >= end:
            raise _held_too_long(name, namespace)
        client.sleep(0.3 + 0.7 * random.random())
        try:
            live = client.get(PIPELINE, name, namespace)
        except NotFound:
            break
    return waited


def _held_too_long(name: str, namespace: str) -> KubeError:
    return KubeError(
        f"pipeline/{name} (namespace {namespace}) was held by other runs for {_LONGEST_WAIT:.0f} s: nothing was "
        "launched; a retry goes on. For many runs with definitions of their own, give each a pipeline of its own."
    )


def _acquire(client: KubeClient, name: str, namespace: str, turn: Turn, token: str, by: str, log: Log) -> None:
    text = json.dumps({"token": token, "by": by[:500], "seconds": LEASE_SECONDS})
    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end:
        try:
            live = client.get(PIPELINE, name, namespace)
            if not wait_for_turn(client, live, turn, log=log):
                client.patch(PIPELINE, name, _body(live, text), namespace)
                return
        except NotFound:
            return
        except Conflict:
            client.sleep(0.3 * random.random())  # somebody was faster: look again
    raise _held_too_long(name, namespace)


def _release(client: KubeClient, name: str, namespace: str, token: str, log: Log) -> None:
    for _ in range(5):
        try:
            live = client.get(PIPELINE, name, namespace)
            lease = _read(live)
            if lease is None or lease[0] != token:
                return
            client.patch(PIPELINE, name, _body(live, None), namespace)
        except NotFound:
            return
        except Conflict:
            client.sleep(0.1)
            continue
        except KubeError as error:  # it ends by itself
            log.warning("Cannot release pipeline/%s, which others may change in %.0f s: %s", name, LEASE_SECONDS, error)
        return


def _body(live: Resource, text: str | None) -> dict[str, object]:
    return {"metadata": {"resourceVersion": fields.version(live), "annotations": {ANNOTATION_LEASE: text}}}


def _read(pipeline: Resource) -> tuple[str, str, float] | None:
    try:
        said = json.loads(fields.annotation(pipeline, ANNOTATION_LEASE) or "")
        return str(said["token"]), str(said["by"]), min(max(float(said["seconds"]), 0.0), LEASE_SECONDS)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
