"""Whether a job that was asked to stop has stopped, and what to tell about it.

The controller stops a job when its resource is deleted: it asks SageMaker, says ``Stopping``, describes the job every
30 seconds, and lets the resource go when SageMaker has said that it ended. A resource that says ``Stopping`` is
therefore SageMaker's word that it has heard, and one that is gone after that a confirmation.
"""

from __future__ import annotations

from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.status import FINISHED, Outcome, State

CONFIRM_SECONDS = 45.0
"""How long to wait for a confirmation where nothing presses: longer than the controller's 30 seconds between looks."""


def has_ended(outcome: Outcome) -> bool:
    """Whether nothing more is to be waited for; `may_run` tells whether it has stopped."""
    return outcome.gone or outcome.state in FINISHED


def may_run(outcome: Outcome) -> bool:
    """Whether there may be something to stop: also where the controller has given a deletion up, since it runs on."""
    return not outcome.finished or is_given_up(outcome)


def is_given_up(outcome: Outcome) -> bool:
    """Whether the controller has given up the deletion of what SageMaker has: that runs on, as far as anybody knows."""
    return outcome.state is State.REFUSED and outcome.deleted is not None and outcome.started


def is_confirmed(outcome: Outcome) -> bool:
    """Whether nothing runs (any more), as SageMaker says or because nothing was begun."""
    if is_given_up(outcome):
        return False
    if outcome.gone and outcome.started:
        return outcome.sagemaker_status == "Stopping"
    return has_ended(outcome)


def stop_report(outcome: Outcome, waited: float) -> str:
    """Where a stop stands, as a line for a log or an error.

    :param outcome: the resource as it was last seen after the request.
    :param waited: seconds since the request.
    """
    resource = outcome.resource
    if outcome.state is State.STOPPED:
        return f"Confirmed: SageMaker says that {resource} is Stopped."
    if outcome.state in (State.SUCCEEDED, State.FAILED):
        return f"{resource} had ended by itself before it was stopped: SageMaker says {outcome.sagemaker_status}."
    if is_given_up(outcome):
        return (
            f"The controller has given up the deletion of {resource} ({outcome.reason}), so that it runs on: SageMaker "
            f"says {outcome.sagemaker_status or 'nothing'}. Look at {outcome.arn or 'it'} in SageMaker."
        )
    if outcome.gone and outcome.sagemaker_status == "Stopping":
        return f"Confirmed: the execution is Stopped, and the controller has let {resource} go."
    if outcome.gone and outcome.started:
        return (
            f"{resource} is gone, but SageMaker was last seen saying {outcome.sagemaker_status}: with a deletion "
            f"policy of 'retain' it runs on. Look at {outcome.arn} in SageMaker."
        )
    if outcome.gone or outcome.state is State.REFUSED:
        return f"{resource} is withdrawn; no execution of it was known."
    where = f"kubectl get {outcome.kind.lower()} {outcome.name} -n {outcome.namespace}"
    if outcome.arn:
        where += f" (it disappears when the execution has stopped), or {outcome.arn} in SageMaker"
    if outcome.sagemaker_status == "Stopping":
        return (
            f"SageMaker is stopping {resource} (Stopping); that it is Stopped was not confirmed within {waited:.0f} s. "
            f"Look with {where}."
        )
    return (
        f"{resource} was asked to stop by deleting it, but no controller has answered within {waited:.0f} s, so it may "
        f"run on (SageMaker says {outcome.sagemaker_status or 'nothing yet'}). Look with {where}; if nothing changes: "
        f"{CONTROLLER_LOG}."
    )


_GOES_ON = frozenset({"running", "deferred", "up_for_retry", "up_for_reschedule", "scheduled", "queued"})
"""States of a task instance (`airflow.utils.state.TaskInstanceState`) that Airflow gives it of its own accord, too: it
takes a worker for lost whose heartbeat is late, and a trigger's task may have gone on elsewhere."""


def is_ended_by_user(state: str | None) -> bool:
    """Whether a person has ended the try that is told to end, as far as the task instance's state tells.

    A mark (success, failed) or a clear (restarting; none) is a person's. What is not sure stops nothing: after a clear
    the next try stops what the former one has left.

    :param state: what Airflow's database has now; None: no state, or no such task instance any more.
    """
    return state not in _GOES_ON
