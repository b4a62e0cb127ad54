"""A definition changes, and the triggerer that watches it is killed meanwhile: what was retrained with each version."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter

from harness.waiting import wait_until
from tests.airflow.support import Case, definition

DAG_ID = "on_watched_killed"
PIPELINE = "killed"
LATEST_KILL = 6
"""Looks after a change within which the triggerer is killed: the news, its event and its note fall into them."""


def trained(case: Case) -> Counter[int]:
    """How many executions each definition has had in SageMaker, by the rounds that it says."""
    client = case.sandbox.aws_client("sagemaker")
    found: Counter[int] = Counter()
    for execution in case.executions():
        answer = client.describe_pipeline_definition_for_execution(
            PipelineExecutionArn=execution["PipelineExecutionArn"]
        )
        (rounds,) = json.loads(answer["PipelineDefinition"])["Parameters"]
        found[rounds["DefaultValue"]] += 1
    return found


def looks(case: Case) -> int:
    """How often S3 was asked for a version."""
    count: int = case.control("GET", "requests").get("S3:HEAD", 0)
    return count


def change_and_kill(case: Case, rounds: int, chance: random.Random) -> None:
    """Put a new version there, kill the triggerer some looks later, start it again, and wait until something was
    retrained with that version.
    """
    seen, later = looks(case), chance.randint(0, LATEST_KILL)
    case.upload(definition(rounds=rounds))
    wait_until(lambda: looks(case) >= seen + later, 120, f"{later} looks", every=0.02)
    case.airflow.part("triggerer").stop(signal.SIGKILL)
    case.airflow.start("triggerer")
    wait_until(lambda: trained(case)[rounds], 300, f"an execution of the definition with {rounds} rounds")


def at_rest(case: Case) -> None:
    """Wait until the watchers of S3, of which there are two, have looked ten times more, and all that was started has
    ended.
    """
    seen = looks(case)
    wait_until(lambda: looks(case) >= seen + 20, 300, "the watchers to look again")
    states = ("success", "failed")
    wait_until(
        lambda: all(run["state"] in states for run in case.airflow.api.dag_runs(DAG_ID)), 300, "all runs to have ended"
    )
