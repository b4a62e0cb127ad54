"""The executions of a namespace as they are, then each that changes: for ``watch``, which a person ends."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.follow.blocking import changes
from airflow_ack_sagemaker.follow.loop import Page, Pulse, Scope
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.errors import Forbidden, KubeError

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

Execution = dict[str, Any]
_SETTINGS = Settings(stranger_seconds=0.0)
"""A person who was never let in is told so at once; roles that are granted meanwhile are for tasks."""


def executions(
    client: KubeClient,
    *,
    pipeline: str | None,
    names: Collection[str],
    known: Iterable[Execution] = (),
    settings: Settings = _SETTINGS,
) -> Generator[tuple[Execution, bool], None, None]:
    """Each execution and whether it is still there: all that are wanted, the oldest first, then those that change.

    Never ends by itself. One that was deleted is shown once more as it was last.

    :param pipeline: only executions of this one.
    :param names: only these; none: all.
    :param known: what was read of them just now, so that one that goes before the first list is told of.
    :raises KubeError: an error that waiting does not mend; until the cluster has answered once, one that it would mend,
        too: a wrong address is not waited for.
    """
    pulse, shown, listed = Pulse(), _Shown(pipeline, names), list[Execution]()
    for one in known:
        yield from shown.put(one)

    def hopeless() -> KubeError | None:
        # A list that is refused may be followed by a look that is not: the policy knows.
        return None if pulse.heard is not None or isinstance(pulse.trouble, Forbidden) else pulse.trouble

    # Of a single one the rights may be limited to its name.
    scope = Scope(PIPELINE_EXECUTION, None, name=next(iter(names)) if len(names) == 1 else "")
    with closing(changes(client, scope, settings, left=lambda: 0.0 if hopeless() else math.inf, pulse=pulse)) as source:
        for change in source:
            if change is None:
                if (error := hopeless()) is not None:
                    raise error
            elif not isinstance(change, Page):
                yield from shown.remove(change.object) if change.type == "DELETED" else shown.put(change.object)
            else:
                listed = change.items if change.first else [*listed, *change.items]
                if change.last:
                    yield from shown.replace(listed)
                    listed = []


class _Shown:
    """The wanted executions as they were shown last, by name."""

    def __init__(self, pipeline: str | None, names: Collection[str]) -> None:
        self._pipeline, self._names = pipeline, names
        self._last: dict[str, Execution] = {}

    def put(self, resource: Execution) -> Iterator[tuple[Execution, bool]]:
        name = fields.name(resource)
        if (self._names and name not in self._names) or self._pipeline not in (None, fields.pipeline_name(resource)):
            return
        before = self._last.get(name)
        if before is None or fields.version(before) != fields.version(resource):
            self._last[name] = resource
            yield resource, True

    def remove(self, resource: Execution) -> Iterator[tuple[Execution, bool]]:
        if self._last.pop(fields.name(resource), None) is not None:
            yield resource, False

    def replace(self, resources: Iterable[Execution]) -> Iterator[tuple[Execution, bool]]:
        """Take these for all that are there."""
        there = sorted(resources, key=lambda one: str(fields.created(one)))
        names = {fields.name(one) for one in there}
        for missing in [one for name, one in self._last.items() if name not in names]:
            yield from self.remove(missing)
        for one in there:
            yield from self.put(one)
