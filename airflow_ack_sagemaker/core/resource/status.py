"""What a resource says about itself: `classify`, the one place that knows ACK's conditions.

Sources: the condition types of the ACK runtime (``ACK.ResourceSynced``, ``ACK.Recoverable``, ``ACK.Terminal``,
``ACK.ReferencesResolved``), the status enums of the SageMaker API, and the behaviour of a running controller: a failed
execution is "synced", a failed execution whose settings drifted is also "recoverable", a running one may be both.
SageMaker's own word about a job therefore always comes first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION, Kind, kind_of
from airflow_ack_sagemaker.core.resource.ownership import mistakes_its_own, speaks_of_anothers
from airflow_ack_sagemaker.core.resource.times import text_of, time_or_none

MAX_RESULTS = 10_000
"""Characters of results, as JSON, that are kept: more is no result but a description."""
MAX_REASON = 3_000
"""Characters of a reason that are kept: an outcome travels in trigger events, which live in Airflow's database."""
ANSWER_TIME = timedelta(minutes=1)
"""How long a resource may stay `State.UNSEEN`. A controller that is idle answers within a second, a busy one within a
minute or so."""


class State(StrEnum):
    """Where a resource stands. `FINISHED` groups the states that do not change any more."""

    UNSEEN = "Unseen"
    """No controller has touched it: no status, no finalizer."""
    IN_PROGRESS = "InProgress"
    RETRYING = "Retrying"
    """The controller cannot do it and tries again (``ACK.Recoverable``, or an unresolved reference)."""
    UNKNOWN = "Unknown"
    """SageMaker says a word that this version does not know: neither a success nor a failure."""
    DELETING = "Deleting"
    SUCCEEDED = "Succeeded"
    """A job that succeeded, or a kept thing that is in its wanted state."""
    FAILED = "Failed"
    STOPPED = "Stopped"
    REFUSED = "Refused"
    """``ACK.Terminal``: never tried again. Nothing was started, or its deletion was given up."""
    GONE = "Gone"
    """The resource was deleted while it was followed."""


_TOLD = frozenset({State.SUCCEEDED, State.FAILED, State.STOPPED})
FINISHED = frozenset({State.SUCCEEDED, State.FAILED, State.STOPPED, State.REFUSED, State.GONE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `classify` read from a resource.

    ``sagemaker_status`` is SageMaker's own word (``Executing``, ``Active``, ...) or None; ``reason`` says why in the
    words of SageMaker or of the controller; ``remedy`` says what a person can do; ``warning`` is something worth a line
    in a log.
    """

    kind: str
    name: str
    namespace: str
    state: State
    uid: str | None = None
    sagemaker_status: str | None = None
    reason: str | None = None
    remedy: str | None = None
    warning: str | None = None
    arn: str | None = None
    region: str | None = None
    created: str | None = None
    """When the resource was created, as the API server wrote it (RFC 3339)."""
    since: float | None = None
    """Of an unknown status, or the end of a job: when the controller wrote it, Unix time in seconds (API server's
    clock)."""
    deleted: float | None = None
    """When its deletion was asked for, Unix time in seconds (API server's clock); None: it was not."""
    noted: float | None = None
    """`stamp` on the clock of whoever follows it; None: not known, or there is none (`core.run.deadlines.noted`)."""
    gone: bool = False
    """Whether the resource is no longer in the cluster; a job that had ended before keeps its ``state``."""
    results: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Once it is finished: what came of it, as ``.status`` tells (``modelArtifacts``, ``bestTrainingJob``)."""

    @property
    def finished(self) -> bool:
        """Whether no waiting will change it."""
        return self.state in FINISHED

    @property
    def started(self) -> bool:
        """Whether SageMaker has it (it has said a status, or an ARN is known)."""
        return self.sagemaker_status is not None or self.arn is not None

    @property
    def stamp(self) -> float | None:
        """The API server's stamp from which a wait for it counts; None: there is none."""
        return self.since if self.deleted is None and self.state is State.UNKNOWN else self.deleted

    @property
    def resource(self) -> str:
        """The resource as kubectl takes it, e.g. ``pipelineexecution/abalone-1 (namespace ml)``."""
        return f"{self.kind.lower()}/{self.name} (namespace {self.namespace})"

    def to_dict(self) -> dict[str, Any]:
        """A small JSON object for a trigger event."""
        return {
            name: str(value) if isinstance(value, State) else value
            for name in self.__slots__
            if (value := getattr(self, name)) not in (None, False, {})
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """The outcome that `to_dict` wrote."""
        return cls(**{**data, "state": State(data["state"])})


def gone(last: Outcome) -> Outcome:
    """The outcome of a resource that was deleted while it was followed; what was known of it is kept.

    A job that had already ended keeps its end: collecting a finished resource changes nothing about what happened.
    """
    if last.state in (State.SUCCEEDED, State.FAILED, State.STOPPED) and kind_of(last.kind).is_job:
        return replace(last, gone=True)
    return replace(
        last,
        state=State.GONE,
        gone=True,
        warning=None,
        reason=f"{last.resource} was deleted while it was followed"
        + ("; the ACK controller stops what it was running" if kind_of(last.kind).is_job else ""),
        remedy="Find out who deleted it (the API server's audit log knows); clear the task to start again.",
    )


def classify(resource: Resource) -> Outcome:
    """Read a resource of any ACK SageMaker kind.

    :param resource: the resource as the API server returns it (a pruned copy without its ``spec`` is enough).
    :raises ValueError: its ``kind`` is not one of the controller's.
    """
    kind = kind_of(fields.kind_name(resource))
    said = fields.status_text(resource, kind.status_field) if kind.status_field else None
    conditions = {str(condition.get("type")): condition for condition in fields.conditions(resource)}
    if speaks_of_anothers(resource):
        # What the status says of a job or a pipeline is true, but of somebody else's.
        state, reason, warning = State.REFUSED, _said_by(conditions["ACK.Terminal"]), None
    else:
        if mistakes_its_own(resource):
            conditions["ACK.Recoverable"] = conditions.pop("ACK.Terminal")
        state, reason, warning = _read(kind, resource, said, conditions)
    return Outcome(
        kind=kind.kind,
        name=fields.name(resource),
        namespace=fields.namespace(resource),
        uid=fields.uid(resource),
        state=state,
        sagemaker_status=said,
        reason=cut(reason, MAX_REASON),
        remedy=_deletion_remedy(kind) if _deletion_refused(resource, state) else remedy_for(kind, state, reason),
        warning=cut(warning, MAX_REASON),
        arn=fields.arn(resource),
        region=fields.region(resource),
        created=text_of(fields.created(resource)),
        results=_results(kind, resource) if state in _TOLD else {},
        since=_since(kind, resource, state),
        deleted=_timestamp(fields.deleted(resource)),
    )


def _read(
    kind: Kind, resource: Resource, said: str | None, conditions: Mapping[str, Mapping[str, Any]]
) -> tuple[State, str | None, str | None]:
    """State, reason and warning. The order of the tests is the point: each outranks those after it.

    :param said: SageMaker's own status.
    """
    recoverable = _true(conditions, "ACK.Recoverable")
    terminal = _true(conditions, "ACK.Terminal")
    troubled = _said_by(terminal or recoverable)
    failure = fields.status_text(resource, "failureReason") or fields.validation_failure(resource)
    # SageMaker's word that a job has ended outranks all that the controller says about its own further attempts.
    if said in kind.stopped:
        return State.STOPPED, failure or troubled, None
    if said in kind.failed:
        return (
            State.FAILED,
            failure or troubled,
            None if failure else f"SageMaker says {said} and gives no failure reason",
        )
    if kind.is_job and said in kind.succeeded:
        return State.SUCCEEDED, None, troubled and f"succeeded, yet the controller says: {troubled}"
    if fields.deleted(resource) is not None:
        if terminal and _since_deletion(resource, terminal):
            return State.REFUSED, _said_by(terminal), None
        return State.DELETING, troubled, None
    # A job that runs goes on running whatever the controller could not change about it.
    if kind.is_job and said in kind.running:
        return State.IN_PROGRESS, None, troubled and f"still {said}, yet the controller says: {troubled}"
    unknown = said is not None and kind.status_field and said not in kind.succeeded | kind.running
    warning = f"unknown {kind.status_field} {said!r}: neither a success nor a failure"
    # SageMaker has such a job, so that it was not refused.
    if unknown and kind.is_job:
        return State.UNKNOWN, troubled, warning
    if terminal:
        return State.REFUSED, _said_by(terminal), None
    if said in kind.running:
        return State.IN_PROGRESS, troubled, None
    if recoverable:
        return State.RETRYING, _said_by(recoverable), None
    unresolved = conditions.get("ACK.ReferencesResolved")
    if unresolved is not None and unresolved.get("status") != "True":
        return State.RETRYING, _said_by(unresolved) or "a reference to another resource is not resolved", None
    if unknown:
        return State.UNKNOWN, None, warning
    synced = conditions.get("ACK.ResourceSynced")
    if synced is None:
        if not fields.status(resource) and not fields.finalizers(resource):
            return State.UNSEEN, None, None
        return State.IN_PROGRESS, None, None
    # Of what is adopted by its ARN the controller never says that it is synced: it cannot read its defaults (recorded).
    unread = fields.text(conditions.get("ACK.LateInitialized", {}), "reason") == "Late Initialization Failure"
    if kind.by_arn and unread and said in kind.succeeded:
        return State.SUCCEEDED, None, None
    if synced.get("status") != "True":
        return State.IN_PROGRESS, fields.text(synced, "message"), None
    if kind.is_job or (kind.status_field and said is None and kind.succeeded and kind.kind == "Pipeline"):
        return State.IN_PROGRESS, None, f"synced, but {kind.status_field} is missing"
    return State.SUCCEEDED, None, None


def _since_deletion(resource: Resource, condition: Mapping[str, Any]) -> bool:
    """Whether a condition was written once the resource's deletion was asked for. Not every condition has a time: then
    the status as a whole tells.
    """
    deleted = fields.deleted(resource)
    written = time_or_none(condition.get("lastTransitionTime")) or fields.status_written(resource)
    return deleted is not None and written is not None and written >= deleted


def _deletion_refused(resource: Resource, state: State) -> bool:
    return state is State.REFUSED and fields.deleted(resource) is not None


def _results(kind: Kind, resource: Resource) -> dict[str, Any]:
    """What the status tells of the result. Of what is too large for an event there is nothing."""
    status = fields.status(resource)
    found = {name: status[name] for name in kind.results if status.get(name) not in (None, "", [], {})}
    return found if len(json.dumps(found, default=str)) <= MAX_RESULTS else {}


def remedy_for(kind: Kind, state: State, reason: str | None) -> str | None:
    """What a person can do about an outcome; None where there is nothing to do."""
    text = reason or ""
    if "already exists" in text and state is State.RETRYING:
        return (
            "The controller has made it and took it for somebody else's: it looks again by itself. Where it does not, "
            "restart it, or change something in the resource's spec."
        )
    if "already exists" in text and state is State.REFUSED:
        return _REMEDY_EXISTS if kind is PIPELINE else _REMEDY_TAKEN
    if state in (State.REFUSED, State.RETRYING):
        for needle, remedy in _REMEDIES:
            if needle in text:
                return remedy
        if state is State.REFUSED:
            return "The controller never tries this resource again: correct what the message says and run it again."
        return (
            "The controller goes on trying: correct what the message says, in the definition, the parameters or in IAM."
        )
    if state is State.UNSEEN:
        return (
            "Nobody reconciles it. Likely causes: the ACK SageMaker controller is not running or is still starting; "
            "it watches another "
            "namespace (watchNamespace, watchSelectors) or not this kind (reconcile.resources); it cannot reach AWS "
            f"(only its log says so: {CONTROLLER_LOG})."
        )
    if state is State.UNKNOWN:
        return (
            "Look at it in SageMaker. A newer release of airflow-ack-sagemaker may know this status; "
            "recoverable_timeout says how long it is waited for."
        )
    if state is State.STOPPED:
        return "Somebody or something stopped it; clear the task to start a new execution." if kind.is_job else None
    if state is State.FAILED and kind is PIPELINE_EXECUTION:
        return "Look at the failed step in SageMaker (the link of its task leads there), correct it and run it again."
    return None


def _deletion_remedy(kind: Kind) -> str:
    return _RUNS_ON_REMEDY if kind.is_job else _DELETION_REMEDY


_RUNS_ON_REMEDY = (
    "The controller does not try this deletion again by itself. See in SageMaker whether it runs, and stop it there or "
    "let it end. Then have the controller look once more: restart it, or remove the resource's finalizer (kubectl "
    "edit). As long as the resource is there, its task starts no other."
)
_DELETION_REMEDY = (
    "The controller does not try this deletion again by itself. Remove what is in the way (a group's model packages, a "
    "job definition's schedule); then have it look once more: restart the controller, or change something in the "
    "resource's spec. To let the resource go and keep what is in SageMaker, remove its finalizer (kubectl edit)."
)
_REMEDY_EXISTS = (
    "SageMaker has a pipeline of that name which this resource does not own: pass adopt=True to take it over (it is "
    "then updated to this definition), or choose another pipeline_name."
)
_REMEDY_TAKEN = (
    "SageMaker has a thing of that name which this resource does not own: choose another name in the resource's spec."
)
_REMEDIES = (
    (
        "ResourceNotFound: Pipeline",
        "The pipeline must be in SageMaker before it is executed: let AckPipelineOperator (it waits until the Pipeline "
        "is synced) run before this task, and check pipeline_name, account and region.",
    ),
    (
        "AccessDenied",
        "Allow the action to the controller's IAM role (and iam:PassRole for the pipeline's role); it is tried again "
        "by itself.",
    ),
    (
        "ExpiredToken",
        "The controller's AWS credentials have expired: renew them or use IAM roles for service accounts.",
    ),
    ("UnrecognizedClient", "The controller's AWS credentials are not valid in this account or region."),
    ("Throttling", "SageMaker throttles the controller: wait, or raise the quota; it is tried again by itself."),
    ("ResourceLimitExceeded", "A SageMaker quota is reached: raise it in Service Quotas or stop what is not needed."),
    ("ValidationException", "SageMaker refuses the values: correct the definition, the parameters or the role."),
)


def _since(kind: Kind, resource: Resource, state: State) -> float | None:
    if state is State.UNKNOWN:
        return _timestamp(fields.status_written(resource) or fields.created(resource))
    ended = kind.is_job and state in (State.SUCCEEDED, State.FAILED, State.STOPPED)
    return _timestamp(fields.status_written(resource)) if ended else None


def _timestamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _true(conditions: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    condition = conditions.get(name)
    # The API's conditions are strings: "False" is truthy.
    return condition if condition is not None and condition.get("status") == "True" else None


def _said_by(condition: Mapping[str, Any] | None) -> str | None:
    if condition is None:
        return None
    return fields.said_by(condition) or f"{condition.get('type')} without a message"


def cut(text: str | None, length: int) -> str | None:
    """The text, cut to a length; an ellipsis says that something is missing."""
    return text if text is None or len(text) <= length else f"{text[: length - 1]}…"
