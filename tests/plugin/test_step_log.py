"""The end of a step's log, for who may read the DAG, where the AWS connection may read it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.aws.logs import MOST_LINES
from airflow_ack_sagemaker.core.run.step_logs import log_of
from harness.waiting import wait_until
from tests.plugin.definitions import definition
from tests.plugin.site import Site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


def write(site: Site, arn: str, *messages: str, step: str = "Train", machine: str = "algo-1") -> None:
    """Have the job of a step write to its log."""
    sagemaker, logs = site.sandbox.aws_client("sagemaker"), site.sandbox.aws_client("logs")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    log = log_of(next(dict(one) for one in steps if one["StepName"] == step))
    assert log is not None
    stream = f"{log.prefix}{machine}"
    if not logs.describe_log_groups(logGroupNamePrefix=log.group)["logGroups"]:
        logs.create_log_group(logGroupName=log.group)
    logs.create_log_stream(logGroupName=log.group, logStreamName=stream)
    begun = int(time.time() * 1_000) - 60_000
    events = [{"timestamp": begun + number, "message": message} for number, message in enumerate(messages)]
    logs.put_log_events(logGroupName=log.group, logStreamName=stream, logEvents=events)


def said(client: httpx.Client, name: str, step: str = "Train") -> dict[str, Any]:
    """The answer about a step's log."""
    path = f"/api/executions/default/{name}/log"
    found: dict[str, Any] = client.get(path, params={"step": step}).raise_for_status().json()
    return found


def wait_said(client: httpx.Client, name: str) -> list[str]:
    """The messages, once there are some."""
    wait_until(lambda: said(client, name)["lines"], 120, lambda: f"lines: {said(client, name)}")
    return [line["message"] for line in said(client, name)["lines"]]


def test_the_last_lines_are_shown_without_secrets(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    row = site.wait_shown(client, name, "Succeeded")
    wait_until(lambda: "nothing" in (said(client, name)["note"] or ""), 120, "CloudWatch to say that there is nothing")
    write(site, row["arn"], "epoch 1", "api_key=hunter2secret", *(f"line {n}" for n in range(300)), "x" * 5_000)
    messages = wait_said(client, name)
    assert len(messages) == MOST_LINES
    assert messages[-2] == "line 299"
    assert messages[-1] == "x" * 1_799 + "…"  # without the end of the word, which may be half a secret
    assert said(client, name)["note"] is None
    graph = site.whole_detail(client, name)["graph"]["steps"]
    urls = {step["name"]: step["log_url"] for step in graph}
    assert urls["Train"].startswith("https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#")
    assert "/aws/sagemaker/TrainingJobs;prefix=" in urls["Train"]


def test_secrets_are_hidden(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    row = site.wait_shown(client, name, "Succeeded")
    write(site, row["arn"], "epoch 1", "api_key=hunter2secret", machine="algo-2")
    messages = wait_said(client, name)
    assert messages[0] == "epoch 1"
    assert "hunter2secret" not in str(messages)


def test_what_has_no_log_says_so(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    site.wait_shown(client, name, "Succeeded")
    for step in ("no-such-step", ""):
        answer = said(client, name, step)
        assert answer["lines"] == []
        assert answer["note"]
    with site.client("partial") as partial:
        path = f"/api/executions/default/{name}/log"
        assert partial.get(path, params={"step": "Train"}).status_code == 200
        assert partial.get(path).status_code == 422
