"""Executions that SageMaker runs and no resource owns: what a controller leaves that crashed between its start of an
execution and the write of its status, and started it again.

The display name tells: it is the resource's own name, which is given once (`core.resource.identity`). So two
executions of one such name are one run started twice, and one that runs without a resource of its ARN is stopped by
nobody here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource

ARN_DELAY = timedelta(minutes=2)
"""Between the start of an execution and its ARN in the resource's status: younger ones are not judged."""

CLOCKS = timedelta(minutes=1)
"""How much SageMaker's clock and the API server's may differ. What started earlier before its resource was created is
no twin of it: a try that stopped an execution gives way to one that may give the name again.
"""

_OUR_NAME = re.compile(r"[a-z0-9-]+-[0-9a-f]{12}(-[0-9]+){1,2}")
"""A name that `RunIdentity.resource_name` makes. A display name that somebody chose may well be given twice."""
_RUNNING = frozenset({"Executing", "Stopping"})


@dataclass(frozen=True, slots=True)
class StartedExecution:
    """An execution as SageMaker lists it: ``status`` is its PipelineExecutionStatus, ``started`` has a time zone."""

    arn: str
    status: str
    started: datetime
    display_name: str = ""

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.status in _RUNNING

    def __str__(self) -> str:
        return f"{self.arn} ({self.status}, started {self.started:%Y-%m-%d %H:%M:%S%z})"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Executions of one display name beyond the one that is owned.

    ``resource`` is the name of the PipelineExecution of that display name, None where there is none (any more);
    ``owned`` the execution whose ARN it has.
    """

    display_name: str
    resource: str | None
    owned: StartedExecution | None
    others: tuple[StartedExecution, ...]

    @property
    def runs(self) -> bool:
        """Whether one that nobody owns has not ended."""
        return any(execution.runs for execution in self.others)

    @property
    def count(self) -> int:
        """Executions of this display name."""
        return len(self.others) + (self.owned is not None)


def is_ours(display_name: str) -> bool:
    """Whether this package gives such a name, and therefore once."""
    return _OUR_NAME.fullmatch(display_name) is not None


def duplicates(
    executions: Sequence[StartedExecution], resources: Sequence[Resource], *, now: datetime
) -> list[Duplicate]:
    """What nobody owns, one entry for each display name.

    Not reported: a single execution that has ended (its resource was collected), one that is just being started, one
    that had ended before today's resource of its name was created, and twins that have all ended and whose resource is
    gone (nothing is left to do about them).

    :param executions: of one or more pipelines, in any order.
    :param resources: the PipelineExecution resources of those pipelines.
    :param now: the present time, with a time zone.
    """
    by_name: dict[str, list[StartedExecution]] = defaultdict(list)
    for execution in sorted(executions, key=lambda one: one.started):
        if is_ours(execution.display_name):
            by_name[execution.display_name].append(execution)
    owners = {_display_name(resource): resource for resource in resources}
    arns = {arn for resource in resources if (arn := fields.arn(resource))}
    found = []
    for name, twins in by_name.items():
        resource = owners.get(name)
        since = None if resource is None else fields.created(resource)
        others = tuple(one for one in twins if one.arn not in arns and (one.runs or not _earlier(one, since)))
        if not others or any(now - one.started < ARN_DELAY for one in others):
            continue
        if any(one.runs for one in others) or (resource is not None and len(twins) > 1):
            owned = next((one for one in twins if one.arn in arns), None)
            found.append(Duplicate(name, fields.name(resource) if resource else None, owned, others))
    return found


def twins_of(display_name: str, arn: str, executions: Sequence[StartedExecution]) -> list[StartedExecution]:
    """The executions of this display name other than ``arn``; none where the name is not one that is given once.

    :param executions: those that were started since `CLOCKS` before the resource was created.
    """
    if not is_ours(display_name):
        return []
    return [one for one in executions if one.display_name == display_name and one.arn != arn]


def _earlier(execution: StartedExecution, created: datetime | None) -> bool:
    return created is not None and execution.started < created - CLOCKS


def _display_name(resource: Resource) -> str:
    return fields.text(fields.spec(resource), "pipelineExecutionDisplayName") or ""
