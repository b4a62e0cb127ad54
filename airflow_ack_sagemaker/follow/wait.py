"""Following one object in a process of one's own, with the blocking client."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.follow.blocking import changes
from airflow_ack_sagemaker.follow.loop import Page, Pulse, Scope
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.reading import INACTIVITY


def follow_sync(
    client: KubeClient,
    kind: Kind,
    name: str,
    namespace: str | None = None,
    *,
    timeout: float | None = None,
    poll_interval: float = 30.0,
    inactivity: float = INACTIVITY,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[dict[str, Any] | None, None, None]:
    """The states of one object: as it is now, then at each change; None while it is not there. Returns after
    ``timeout`` seconds.

    The first state always comes, also with a timeout of 0. `.policy` says which errors are waited out until then; where
    ``watch`` or ``list`` is forbidden it asks for the object every ``poll_interval`` seconds.

    :param timeout: seconds, None for no end.
    :raises KubeError: an error that waiting does not mend, or any until the end when no state could be read at all.
    """
    end = math.inf if timeout is None else clock() + timeout
    pulse, settings = Pulse(), Settings(poll_interval=poll_interval, inactivity=inactivity, clock=clock)
    seen, last = False, None
    source = changes(client, Scope(kind, namespace, name=name), settings, left=lambda: end - clock(), pulse=pulse)
    with closing(source) as stream:
        for change in stream:
            if change is not None:
                if isinstance(change, Page):
                    state = change.items[0] if change.items else None
                else:
                    state = None if change.type == "DELETED" else change.object
                if not seen or state != last:
                    seen, last = True, state
                    yield state
            if clock() >= end:
                if not seen and pulse.trouble is not None:
                    raise pulse.trouble
                if seen:
                    return
