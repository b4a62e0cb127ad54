"""What a kill means: only a person's ends what the task has launched; a restart or a timeout never does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context


class Killed(BaseException):
    """SIGTERM has arrived. Not an Exception, so that nothing on the way up takes it for an error of the cluster."""


def leave_unless_timed_out() -> None:
    """For `on_kill`, which Airflow calls on SIGTERM and when ``execution_timeout`` is over: leave what the task does.

    Only SIGTERM may mean that a user ends the task. This runs in a signal handler, so that nothing is asked here;
    `ended_by_user` asks Airflow afterwards.

    :raises Killed: it was SIGTERM.
    """
    from airflow_ack_sagemaker.compat import AirflowTaskTimeout

    if not isinstance(sys.exc_info()[1], AirflowTaskTimeout):
        raise Killed


def ended_by_user(context: Context) -> bool:
    """Whether a person has ended this try.

    A shutdown of the worker leaves it running; and a scheduler that has missed the heartbeats of a busy worker lets
    the next try begin. Neither is a person's doing.
    """
    from airflow_ack_sagemaker.compat import task_state
    from airflow_ack_sagemaker.core.run.stopping import is_ended_by_user

    try:
        return is_ended_by_user(task_state(context["ti"]))
    except Exception:  # unknown: healthy work is not killed on a guess
        return False
