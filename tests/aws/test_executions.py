"""Executions that SageMaker has of one display name: found by one request, and never in the way of the outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.aws.duplicates import report_duplicates
from airflow_ack_sagemaker.aws.executions import executions
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
from tests.aws.conftest import CannedServer, Connect

ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
DEFINITION = {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}
NAME = RunIdentity("retrain", "monday", "retrain").resource_name("abalone", 1)


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []

    def info(self, event: str, /, *arguments: Any) -> None:
        self.infos.append(event % arguments)

    def warning(self, event: str, /, *arguments: Any) -> None:
        self.warnings.append(event % arguments)


@pytest.fixture
def endpoint() -> Iterator[AwsEndpoint]:
    with AwsEndpoint(clock=ManualClock(), script=Script()) as endpoint:
        yield endpoint


@pytest.fixture
def sagemaker(endpoint: AwsEndpoint) -> Iterator[Any]:
    client = boto3.client(
        "sagemaker",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_pipeline(
        PipelineName="abalone", RoleArn=ROLE, PipelineDefinition=json.dumps(DEFINITION), ClientRequestToken="0" * 32
    )
    yield client
    client.close()


def start(sagemaker: Any, name: str, token: int) -> str:
    answer = sagemaker.start_pipeline_execution(
        PipelineName="abalone", PipelineExecutionDisplayName=name, ClientRequestToken=f"{token:032}"
    )
    return str(answer["PipelineExecutionArn"])


def outcome(arn: str) -> Outcome:
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Outcome("PipelineExecution", NAME, "ml", State.SUCCEEDED, arn=arn, region="us-east-1", created=created)


def test_all_pages_are_read(sagemaker: Any) -> None:
    arns = [start(sagemaker, f"run-{number}", number) for number in range(105)]
    now = datetime.now(timezone.utc)
    found = executions(sagemaker, "abalone", since=now - timedelta(hours=1))
    assert {execution.arn for execution in found} == set(arns)
    assert {execution.status for execution in found} == {"Executing"}
    assert found[0].display_name.startswith("run-")
    assert found[0].started.tzinfo is not None
    assert executions(sagemaker, "abalone", since=now + timedelta(hours=1)) == []


def test_a_twin_is_told_and_costs_one_request(endpoint: AwsEndpoint, sagemaker: Any, connect: Connect) -> None:
    log = Lines()
    owned, extra = (start(sagemaker, NAME, token) for token in (1, 2))
    start(sagemaker, "another", 3)
    conn_id = connect(endpoint.url)
    before = dict(endpoint.requests)
    assert report_duplicates([outcome(owned)], "abalone", aws_conn_id=conn_id, log=log) == {NAME: [extra]}
    asked = {name: count - before.get(name, 0) for name, count in endpoint.requests.items()}
    assert {name: count for name, count in asked.items() if count} == {"ListPipelineExecutions": 1}
    (warning,) = log.warnings
    assert warning.endswith(f"aws sagemaker stop-pipeline-execution --pipeline-execution-arn {extra}")


def test_of_many_only_those_with_twins_are_told(endpoint: AwsEndpoint, sagemaker: Any, connect: Connect) -> None:
    outcomes = []
    for index in range(3):
        name = f"{NAME.rpartition('-')[0]}-{index}-1"
        outcomes.append(replace(outcome(start(sagemaker, name, 10 + index)), name=name))
    extra = start(sagemaker, outcomes[1].name, 20)
    never = replace(outcomes[0], name="never-started", arn=None)
    found = report_duplicates([*outcomes, never], "abalone", aws_conn_id=connect(endpoint.url), log=Lines())
    assert found == {outcomes[1].name: [extra]}


def test_a_refusal_is_said_once_and_is_no_error(canned: CannedServer, connect: Connect) -> None:
    log = Lines()
    canned.status, canned.headers = 400, {"Content-Type": "application/x-amz-json-1.1"}
    canned.body = json.dumps({"__type": "AccessDeniedException", "message": "not for you"}).encode()
    assert report_duplicates([outcome("arn:x")], "abalone", aws_conn_id=connect(canned.url), log=log) == {}
    (line,) = log.infos
    assert "AccessDeniedException" in line
    assert log.warnings == []
    assert len(canned.requests) == 1


def test_nothing_is_asked_without_a_connection() -> None:
    assert report_duplicates([outcome("arn:x")], "abalone", aws_conn_id=None, log=Lines()) == {}
