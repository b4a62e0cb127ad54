"""Waiting is over: what is to be done with the resource now? One rule for executions, batches and other resources."""

from __future__ import annotations

from enum import StrEnum

from airflow_ack_sagemaker.core.run.deadlines import Verdict


class Then(StrEnum):
    """What to do with a resource once the wait for it is over."""

    REPORT = "report"
    """Its end is known: tell it, and write down that it was told."""
    WITHDRAW = "withdraw"
    """Nobody has started it: delete it, or it would start hours later with nobody following."""
    STOP = "stop"
    """Delete it, which stops a job."""
    LEAVE = "leave"
    """It runs on; a retry attaches to it."""


def then(verdict: Verdict, *, on_timeout: str = "leave") -> Then:
    """What a verdict asks for.

    :param on_timeout: ``leave`` or ``stop``, as the DAG's author wants it.
    """
    match verdict:
        case Verdict.REACHED:
            return Then.REPORT
        case Verdict.NOT_RECONCILED | Verdict.STUCK:
            return Then.WITHDRAW
        case _:
            return Then.STOP if on_timeout == "stop" else Then.LEAVE
