"""``logs``: what the jobs of an execution's steps wrote to CloudWatch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.core.run.step_logs import log_of
from harness.waiting import HUNG, wait_until
from tests.cli.test_executions import release, script
from tests.cli.world import ROLE, Cli, World, started

BEGAN_MS = int(time.time() * 1000) - 60_000
"""CloudWatch takes no events that are older than two weeks."""


@pytest.fixture
def aws(world: World) -> Iterator[Any]:
    """boto3's client of a service of the sandbox."""
    clients: list[Any] = []

    def client(service: str) -> Any:
        options = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": "us-east-1"}
        clients.append(boto3.client(service, endpoint_url=world.sandbox.aws_endpoint_url, **options))
        return clients[-1]

    yield client
    for one in clients:
        one.close()


class Job:
    """The log stream of a step's job, to which the test writes."""

    def __init__(self, aws: Any, arn: str, step: str) -> None:
        self._logs = aws("logs")
        steps = aws("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        found = log_of(next(one for one in steps if one["StepName"] == step))
        assert found is not None
        self.group = found.group
        self.stream = f"{found.prefix}algo-1"
        self._second = 0
        if not self._logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"]:
            self._logs.create_log_group(logGroupName=self.group)
        self._logs.create_log_stream(logGroupName=self.group, logStreamName=self.stream)

    def write(self, *lines: str) -> None:
        for line in lines:
            self._second += 1
            event = {"timestamp": BEGAN_MS + 1000 * self._second, "message": line}
            self._logs.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=[event])


def test_logs_of_the_failed_step(cli: Cli, world: World, aws: Any) -> None:
    cli.done("apply", str(world.definition), "--pipeline", "logs-failed", "--role-arn", ROLE)
    script(cli, "logs-failed/Train#1=Failed:out of memory")
    (row,) = cli("run", "logs-failed", "-o", "json").json
    unwritten = cli.done("logs", row["name"])
    assert (unwritten.out, "has written no logs" in unwritten.err) == ("", True)
    Job(aws, row["arn"], "Prepare").write("prepared")
    Job(aws, row["arn"], "Train").write("epoch 1", "epoch 2", "killed")
    assert cli.done("logs", row["name"]).out == "epoch 1\nepoch 2\nkilled\n", "the failed step's, where none is named"
    assert cli.done("logs", row["name"], "--tail", "1").out == "killed\n"
    both = cli.done("logs", row["name"], "Prepare", "Train").out.splitlines()
    assert both == ["Prepare: prepared", "Train: epoch 1", "Train: epoch 2", "Train: killed"]
    event = cli.done("logs", row["name"], "Prepare", "-o", "json").json
    assert set(event) == {"step", "timestamp", "stream", "message"}
    wrong = cli("logs", row["name"], "Trian")
    assert (wrong.status, "No such step has begun: Trian" in wrong.err) == (2, True)
    assert cli("logs", row["name"], environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}).status == 1


@pytest.mark.parametrize("form", ["yaml", "name"])
def test_lines_have_neither_yaml_nor_names(alone: Cli, form: str) -> None:
    said = alone("logs", "anything", "-o", form)
    assert (said.status, said.out) == (2, "")
    assert f"'{form}' is not one of" in said.err


def test_following_ends_with_the_job(cli: Cli, world: World, aws: Any) -> None:
    cli.done("apply", str(world.definition), "--pipeline", "logs-follow", "--role-arn", ROLE)
    script(cli, "logs-follow/Prepare=hold")
    name = cli.done("run", "logs-follow", "--no-wait", "-o", "json").json[0]["name"]

    def arn() -> str | None:
        row = cli.done("describe", name, "-o", "json").json
        return str(row["arn"]) if row["steps"] else None

    job = Job(aws, wait_until(arn, HUNG, "the first step"), "Prepare")
    job.write("one")
    process = started(world, "logs", name, "Prepare", "-f", "-o", "json")
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["message"] == "one"
        job.write("two")
        release(world)
        rest, err = process.communicate(timeout=HUNG)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert json.loads(rest)["message"] == "two"
