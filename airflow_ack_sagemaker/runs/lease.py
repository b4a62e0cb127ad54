"""Who may change a Pipeline's definition now: a short lease on the Pipeline resource.

A run that launches with a definition of its own must apply it and launch before another run applies another one. Only
runs that found another's definition take the lease; everybody of this package who is about to change a definition
respects it. A holder renews it while it works, in a thread of its own, so that one that dies holds nobody up for long:
a lease counts as over when it was seen unchanged for its seconds, on the clock of whoever waits (as client-go's leader
election does), so that no clocks are compared. The next try of the same task need not wait: its former one is dead.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import PREFIX
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.kube.connection.config import ClusterConfig

ANNOTATION_LEASE = f"{PREFIX}/definition-held-by"
LEASE_SECONDS = 30.0
"""How long a lease counts that nobody renews."""
_RENEWED_EVERY = 8.0
_LONGEST_HOLD = 300.0
"""Seconds after which it is renewed no more: a holder that hangs holds nobody up for ever. An apply, its answer, a
launch and SageMaker's word take some five."""
_LONGEST_WAIT = 1_800.0
"""Seconds after which a task gives up and leaves it to its next try."""


_LONGEST_BY = 500


@dataclass(frozen=True, slots=True)
class Lease:
    """What is written on the Pipeline: whose it is, how long it counts, and how often it was renewed."""

    token: str
    by: str
    seconds: float = LEASE_SECONDS
    renewal: int = 0

    @property
    def text(self) -> str:
        """For the annotation."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def renewed(self) -> Lease:
        """The same, once more renewed, so that it is seen to have changed."""
        return replace(self, renewal=self.renewal + 1)


class LeaseWait:
    """Waits for the lease of somebody else to end; remembers since when it has seen which one.

    :param token: of the lease that the caller takes; "": it takes none.
    :param by: who the caller is: what an earlier try of it has held is not waited for.
    """

    def __init__(self, token: str = "", by: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._by = by[:_LONGEST_BY]
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
        if lease is None or lease.token == self._token or (lease.by and lease.by == self._by):
            return None
        now, text = self._clock(), fields.annotation(pipeline, ANNOTATION_LEASE) or ""
        if self._seen is None or self._seen[0] != text:
            self._seen = text, now
        return lease.by if now - self._seen[1] < lease.seconds else None


@contextmanager
def held(
    client: KubeClient, name: str, namespace: str, *, by: str, log: Log, every: float = _RENEWED_EVERY
) -> Iterator[LeaseWait]:
    """Hold the lease of a Pipeline resource; one that is not there is held by whoever creates it.

    :param by: who holds it, for the logs of others.
    :param every: seconds between renewals.
    :raises KubeError: others hold it for too long, or the cluster cannot be asked.
    """
    lease = Lease(uuid.uuid4().hex, by[:_LONGEST_BY])
    turn = LeaseWait(lease.token, by)
    _acquire(client, name, namespace, turn, lease, log)
    over = threading.Event()
    renewing = (client.config, name, namespace, lease, over, every, log)
    threading.Thread(target=_renew, args=renewing, name=f"lease of {name}", daemon=True).start()
    try:
        yield turn
    finally:
        over.set()
        _release(client, name, namespace, lease, log)


def wait_for_turn(client: KubeClient, pipeline: Resource, turn: LeaseWait, *, log: Log) -> bool:
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


def _acquire(client: KubeClient, name: str, namespace: str, turn: LeaseWait, lease: Lease, log: Log) -> None:
    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end:
        try:
            live = client.get(PIPELINE, name, namespace)
            if not wait_for_turn(client, live, turn, log=log):
                client.patch(PIPELINE, name, _body(live, lease.text), namespace)
                return
        except NotFound:
            return
        except Conflict:
            client.sleep(0.3 * random.random())  # somebody was faster: look again
    raise _held_too_long(name, namespace)


def _renew(
    config: ClusterConfig,
    name: str,
    namespace: str,
    lease: Lease,
    over: threading.Event,
    every: float,
    log: Log,
) -> None:
    """Renew a lease until ``over`` is set, or somebody else has it, or it was held for too long.

    What fails is tried again at the next time: at worst the lease is lost, and then the launch is found to be doubtful.
    """
    from airflow_ack_sagemaker.kube.client import KubeClient

    end = time.monotonic() + _LONGEST_HOLD
    with KubeClient(config) as client:  # a client is for one thread
        while not over.wait(every) and time.monotonic() < end:
            try:
                live = client.get(PIPELINE, name, namespace)
                held = _read(live)
                if held is None or held.token != lease.token or over.is_set():
                    return
                client.patch(PIPELINE, name, _body(live, held.renewed().text), namespace)
            except KubeError as error:
                log.info("Cannot renew the lease of pipeline/%s now: %s", name, error)


def _release(client: KubeClient, name: str, namespace: str, lease: Lease, log: Log) -> None:
    for _ in range(5):
        try:
            live = client.get(PIPELINE, name, namespace)
            held = _read(live)
            if held is None or held.token != lease.token:
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


def _read(pipeline: Resource) -> Lease | None:
    try:
        said = json.loads(fields.annotation(pipeline, ANNOTATION_LEASE) or "")
        seconds = min(max(float(said["seconds"]), 0.0), LEASE_SECONDS)
        return Lease(str(said["token"]), str(said["by"]), seconds, int(said.get("renewal", 0)))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
