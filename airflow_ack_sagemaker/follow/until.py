"""Waiting in a process of one's own: the same judgement as the trigger's, over a blocking watch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.status import Outcome, State, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, next_deadline, noted, verdict_of
from airflow_ack_sagemaker.kube.server_clock import SteadyClock, clock_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

_log = logging.getLogger(__name__)


Judge = Callable[[Mapping[str, Any] | None, Outcome], Outcome]


def judged(resource: Mapping[str, Any] | None, last: Outcome) -> Outcome:
    """What any resource says of itself."""
    return gone(last) if resource is None else observe(resource)


def wait(
    client: KubeClient,
    kind: Kind,
    name: str,
    *,
    namespace: str,
    uid: str | None,
    deadlines: Deadlines,
    goal: Goal = Goal.FINISHED,
    poll_interval: float = 30.0,
    until: float | None = None,
    on_change: Callable[[Outcome], None] = lambda outcome: None,
    judge: Judge | None = None,
) -> tuple[Outcome, Verdict]:
    """Follow one resource until its outcome or until a deadline has passed.

    :param uid: the resource that is meant; another one of the same name counts as gone. None: whichever there is.
    :param until: Unix time at which to return all the same, with the verdict that the resource has then: a short look
        before a deferral. The verdict is then ``TIMED_OUT``; ask `verdict_of` whether it really is.
    :param judge: reads an outcome from a state of the resource (None: it is gone) and the one before; None: as
        `observe` does.
    :raises KubeError: the cluster cannot be asked.
    """
    from airflow_ack_sagemaker.follow.wait import follow_sync

    now = SteadyClock()
    last, seen = Outcome(kind=kind.kind, name=name, namespace=namespace, state=State.UNSEEN, uid=uid), False
    deadlines = deadlines.since(now())
    while True:
        before = next_deadline(last, deadlines, goal=goal)
        moments = [moment for moment in (before, until) if moment is not None]
        timeout = max(min(moments) - now(), 0) if moments else None
        states = follow_sync(client, kind, name, namespace, timeout=timeout, poll_interval=poll_interval)
        with closing(states) as source:
            for resource in source:
                if resource is not None and uid not in (None, fields.uid(resource)):
                    resource = None
                outcome = (judge or judged)(resource, last)
                # Only what stands at the first look is as old as its stamp.
                clock = clock_of(client, kind, name, namespace, log=_log) if outcome.stamp and not seen else None
                outcome, seen = noted(outcome, last if seen else None, now(), clock), True
                if outcome != last:
                    on_change(outcome)
                last = outcome
                if (verdict := verdict_of(last, deadlines, now(), goal=goal)) is not None:
                    return last, verdict
                if next_deadline(last, deadlines, goal=goal) != before:
                    break  # follow until another time
            else:
                if (verdict := verdict_of(last, deadlines, now(), goal=goal)) is not None:
                    return last, verdict
                if until is not None and now() >= until:
                    return last, Verdict.TIMED_OUT
