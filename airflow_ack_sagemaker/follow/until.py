"""Waiting in a process of one's own: the same judgement as the trigger's, over a blocking watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.status import Outcome, State, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, next_deadline, verdict_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient


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
) -> tuple[Outcome, Verdict]:
    """Follow one resource until its outcome or until a deadline has passed.

    :param uid: the resource that is meant; another one of the same name counts as gone. None: whichever there is.
    :param until: Unix time at which to return all the same, with the verdict that the resource has then: a short look
        before a deferral. The verdict is then ``TIMED_OUT``; ask `verdict_of` whether it really is.
    :raises KubeError: the cluster cannot be asked.
    """
    from airflow_ack_sagemaker.follow.wait import follow_sync

    last = Outcome(kind=kind.kind, name=name, namespace=namespace, state=State.UNSEEN, uid=uid)
    deadlines = deadlines.since(time.time())
    while True:
        before = next_deadline(last, deadlines, goal=goal)
        moments = [moment for moment in (before, until) if moment is not None]
        timeout = max(min(moments) - time.time(), 0) if moments else None
        states = follow_sync(client, kind, name, namespace, timeout=timeout, poll_interval=poll_interval)
        with closing(states) as source:
            for resource in source:
                if resource is None or (uid is not None and fields.uid(resource) != uid):
                    outcome = gone(last)
                else:
                    outcome = observe(resource)
                if outcome != last:
                    on_change(outcome)
                last = outcome
                if (verdict := verdict_of(last, deadlines, time.time(), goal=goal)) is not None:
                    return last, verdict
                if next_deadline(last, deadlines, goal=goal) != before:
                    break  # follow until another time
            else:
                if (verdict := verdict_of(last, deadlines, time.time(), goal=goal)) is not None:
                    return last, verdict
                if until is not None and time.time() >= until:
                    return last, Verdict.TIMED_OUT
