"""Who follows executions: ours and the peers, each a process with the number of executions that it is given."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from harness.environment import clean_environment
from harness.process import GuardedProcess

PEERS = Path(sys.prefix, "peers")
"""aiobotocore, which the amazon provider's triggers need and whose botocore is another than the newest boto3's."""

_OURS = "airflow_ack_sagemaker.triggers.resource.AckResourceTrigger"
_AMAZON = "airflow.providers.amazon.aws.triggers.sagemaker.SageMakerPipelineTrigger"
CHECK_INTERVAL = 30
"""Seconds: what SageMakerStartPipelineOperator gives its trigger by default, with the attempts below."""
_ATTEMPTS = 9999


class Follower:
    """A process that follows executions.

    :param plan: for the `program`, a module of this package; the files are added to it.
    """

    def __init__(self, directory: Path, program: str, plan: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        directory.mkdir()
        self._events = directory / "events"
        self.log = directory / "log"
        home = directory / "home"
        files = {"events": str(self._events)} | ({"log": str(self.log)} if program == "follower" else {})
        (directory / "plan.json").write_text(json.dumps({**plan, **files}))
        self.process = GuardedProcess(
            directory.name,
            [sys.executable, "-m", f"tests.bench.{program}", str(directory / "plan.json")],
            {**clean_environment(home), "AIRFLOW_HOME": str(home), **environment},
            directory / "output.log",
        )

    @property
    def started(self) -> int:
        """How many triggers Airflow has started so far."""
        return self.log.read_bytes().count(b" starting") if self.log.exists() else 0

    def events(self) -> dict[int, float]:
        """When it has seen which execution end: Unix time in seconds."""
        if not self._events.exists():
            return {}
        lines = [line.split() for line in self._events.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return {int(number): float(when) for number, when in lines}

    def cpu(self) -> float:
        """CPU seconds so far."""
        times = self._python().cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Bytes of memory that are its own."""
        return int(self._python().memory_full_info().uss)

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def _python(self) -> psutil.Process:
        self.process.check()
        return self.process.processes()[0]


def ours(
    directory: Path,
    connection: Mapping[str, Any],
    namespace: str,
    uids: Mapping[str, str],
    once: int,
    watch_seconds: float | None = None,
) -> Follower:
    """Our trigger with the arguments that the operator gives it."""
    now = time.time()
    arguments = [
        {
            "kind": "PipelineExecution",
            "name": name,
            "namespace": namespace,
            "kubernetes_conn_id": "kubernetes_default",
            "uid": uid,
            "deadlines": {"reconcile_by": now + 900, "recover_by": now + 1800, "finish_by": None},
            "goal": "finished",
            "poll_interval": 30.0,
            "stop_on_kill": True,
            "must_exist": True,
            "ours": True,
            "echo": {"pipeline_name": "bench", "attempt": 1, "parameters": {"Rounds": "50"}},
        }
        for name, uid in uids.items()
    ]
    plan = {"classpath": _OURS, "arguments": arguments, "once": once, "watch_seconds": watch_seconds}
    return Follower(directory, "follower", plan, {"AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection)})


def amazon(directory: Path, connection: Mapping[str, Any], arns: Sequence[str], once: int) -> Follower:
    """The amazon provider's trigger with the arguments that SageMakerStartPipelineOperator gives it by default."""
    arguments = [
        {
            "waiter_type": 1,
            "pipeline_execution_arn": arn,
            "waiter_delay": CHECK_INTERVAL,
            "waiter_max_attempts": _ATTEMPTS,
            "aws_conn_id": "aws_default",
        }
        for arn in arns
    ]
    plan = {"classpath": _AMAZON, "arguments": arguments, "once": once}
    environment = {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection), "PYTHONPATH": os.fspath(PEERS)}
    return Follower(directory, "follower", plan, environment)


def cncf(directory: Path, connection: Mapping[str, Any], namespace: str, names: Sequence[str], once: int) -> Follower:
    """Polling through the cncf provider's hook."""
    plan = {"namespace": namespace, "names": list(names), "once": once}
    return Follower(directory, "poker", plan, {"AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection)})


def empty(directory: Path, count: int) -> Follower:
    """Triggers that do nothing."""
    arguments = [{"number": number} for number in range(count)]
    plan = {"classpath": "tests.bench.follower.EmptyTrigger", "arguments": arguments, "once": count}
    return Follower(directory, "follower", plan, {})
