"""The words in which a task says how it ended: what, where, why and what to do."""

from __future__ import annotations

from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from airflow_ack_sagemaker.core.run.stopping import is_given_up


def ending(outcome: Outcome, verdict: Verdict) -> str:
    """One message for an ending that is not a success.

    :param outcome: how the resource stood at the end.
    :param verdict: why waiting has ended.
    """
    return "\n".join(
        part for part in (_headline(outcome, verdict), _reason(outcome), _remedy(outcome, verdict)) if part
    )


def _headline(outcome: Outcome, verdict: Verdict) -> str:
    what = outcome.resource
    if verdict is Verdict.EXECUTION_TIMED_OUT:
        return (
            f"{what}: the task's execution_timeout is over; it is {outcome.sagemaker_status or outcome.state} and is "
            "left as it is. A retry attaches to it."
        )
    if verdict is Verdict.TIMED_OUT and _is_being_deleted(outcome):
        return f"{what}: its deletion does not end; its finalizer is still there."
    if verdict is Verdict.NOT_RECONCILED and outcome.state is not State.UNSEEN:
        return (
            f"{what}: a controller has taken up this resource (its finalizer is there) and has said nothing since; "
            "reconcile_timeout is over."
        )
    if verdict is Verdict.NOT_RECONCILED:
        return f"{what}: nobody reconciles this resource; reconcile_timeout is over."
    if verdict is Verdict.STUCK:
        return f"{what}: the ACK controller has tried in vain; recoverable_timeout is over."
    if verdict is Verdict.TIMED_OUT and outcome.state is State.UNKNOWN:
        return (
            f"{what}: timed out; SageMaker says {outcome.sagemaker_status!r}, which is neither a success nor a failure "
            "that is known here."
        )
    if verdict is Verdict.TIMED_OUT:
        return f"{what}: timed out; it is {outcome.sagemaker_status or outcome.state} and its timeout is over."
    if is_given_up(outcome) and kind_of(outcome.kind).is_job:
        return (
            f"{what}: its deletion was refused for good (ACK.Terminal), so that it may run on; SageMaker said "
            f"{outcome.sagemaker_status or 'nothing'} last."
        )
    if outcome.state is State.REFUSED and outcome.deleted is not None:
        return f"{what}: its deletion was refused for good (ACK.Terminal); it stays, marked as deleted."
    said = f" ({outcome.sagemaker_status})" if outcome.sagemaker_status else ""
    return {
        State.FAILED: f"{what}: failed{said}.",
        State.STOPPED: f"{what}: was stopped{said}.",
        State.REFUSED: f"{what}: refused for good by the ACK controller (ACK.Terminal); nothing was started.",
        State.GONE: f"{what}: is gone.",
    }.get(outcome.state, f"{what}: {outcome.state}{said}.")


def _reason(outcome: Outcome) -> str | None:
    lines = [f"Reason: {outcome.reason}"] if outcome.reason else []
    if outcome.arn:
        lines.append(f"In SageMaker: {outcome.arn}")
    return "\n".join(lines) or None


def _remedy(outcome: Outcome, verdict: Verdict) -> str | None:
    if verdict is Verdict.TIMED_OUT and _is_being_deleted(outcome):
        return (
            "To do: only the ACK SageMaker controller removes the finalizer. Likely causes: it is not running or was "
            "uninstalled; it watches another namespace; it may not stop or delete the thing in AWS (its log: "
            f"{CONTROLLER_LOG}). Where no controller will ever run again: remove the "
            "finalizer by hand (kubectl edit), which leaves what is in AWS as it is."
        )
    if verdict is Verdict.NOT_RECONCILED and outcome.state is not State.UNSEEN:
        return (
            "To do: see whether the controller runs and reaches AWS (its log: "
            f"{CONTROLLER_LOG}), and whether SageMaker has an execution of this name: a controller "
            "that dies at the wrong moment has started one without saying so."
        )
    if verdict is Verdict.EXECUTION_TIMED_OUT:
        return "To do: see why it takes so long, or allow more (execution_timeout)."
    if verdict is Verdict.TIMED_OUT and not outcome.remedy:
        return "To do: see why it takes so long, or allow more (timeout)."
    return f"To do: {outcome.remedy}" if outcome.remedy else None


def _is_being_deleted(outcome: Outcome) -> bool:
    return not outcome.gone and (outcome.deleted is not None or outcome.state is State.DELETING)
