"""Values that expressions take from files in the sandbox's own S3: property files of steps, and other objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from tests.sandbox.conftest import client
from tests.sandbox.definitions import condition, definition, fail, train
from tests.sandbox.executions import Executions

STEP_SECONDS = 20
"""How long a step takes (the script's default)."""
PLACE = {"Std:Join": {"On": "/", "Values": ["s3://reports", {"Get": "Execution.PipelineExecutionId"}]}}
FILE = {"Get": "Steps.Evaluate.PropertyFiles.Report"}
MSE = {"Std:JsonGet": {"PropertyFile": FILE, "Path": "metrics.mse"}}


class Bucket:
    """The bucket ``reports``."""

    def __init__(self, api: Any) -> None:
        self.api = api
        api.create_bucket(Bucket="reports")

    def put(self, key: str, content: Any) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.api.put_object(Bucket="reports", Key=key, Body=body)


@pytest.fixture
def bucket(endpoint: AwsEndpoint) -> Iterator[Bucket]:
    api = client("s3", endpoint.url)
    yield Bucket(api)
    api.close()


def evaluate(place: Any = PLACE) -> dict[str, Any]:
    """A step that writes a report; nobody runs it here, so the test puts the file there."""
    outputs = [{"OutputName": "evaluation", "S3Output": {"S3Uri": place}}]
    return {
        "Name": "Evaluate",
        "Type": "Processing",
        "Arguments": {"ProcessingOutputConfig": {"Outputs": outputs}},
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "evaluation.json"}],
    }


def gate(value: Any = MSE) -> dict[str, Any]:
    operands = [{"Type": "LessThan", "LeftValue": value, "RightValue": 6}]
    message = {"Std:Join": {"On": " ", "Values": ["mse is", value]}}
    return condition("Check", operands, [train("Deploy")], [fail("Stop", message)])  # type: ignore[arg-type]


def key(arn: str) -> str:
    return f"{arn.rpartition('/')[2]}/evaluation.json"


@pytest.mark.parametrize(("mse", "ran"), [(5.5, "Deploy"), (6.5, "Stop")])
def test_a_condition_reads_what_the_step_has_written(
    executions: Executions, clock: ManualClock, bucket: Bucket, mse: float, ran: str
) -> None:
    arn = executions.start(definition(evaluate(), gate()))
    # While the step runs there is no file, and nothing looks for one.
    assert executions.steps(arn)["Evaluate"]["StepStatus"] == "Starting"
    bucket.put(key(arn), {"metrics": {"mse": mse}})
    clock.advance(STEP_SECONDS + 1)
    steps = executions.steps(arn)
    assert steps["Check"]["Metadata"]["Condition"]["Outcome"] == str(ran == "Deploy")
    # What was read counts, whatever becomes of the file.
    bucket.put(key(arn), {"metrics": {"mse": 6}})
    clock.advance(1000)
    assert set(executions.steps(arn)) == {"Evaluate", "Check", ran}
    if ran == "Stop":
        assert executions.steps(arn)["Stop"]["FailureReason"] == "mse is 6.5"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "/evaluation.json cannot be read: The specified key does not exist"),
        (b"{", "/evaluation.json is no JSON"),
        (b"[" * 100_000, "/evaluation.json is no JSON"),
        (b"\xff", "/evaluation.json cannot be read: It is not UTF-8"),
        ({"metrics": {}}, "there is no 'mse'"),
    ],
)
def test_what_cannot_be_read_is_said(
    executions: Executions, clock: ManualClock, bucket: Bucket, content: Any, said: str
) -> None:
    arn = executions.start(definition(evaluate(), gate()))
    if content is not None:
        bucket.put(key(arn), content)
    clock.advance(1000)
    steps = executions.steps(arn)
    assert set(steps) == {"Evaluate", "Check"}
    assert steps["Check"]["StepStatus"] == "Failed"
    assert said in steps["Check"]["FailureReason"]
    assert "Check=True" in steps["Check"]["FailureReason"]


@pytest.mark.parametrize(("place", "said"), [("/opt/ml", "'/opt/ml' is not in S3"), ("s3:///x", "no place of an")])
def test_a_place_that_is_not_in_s3(executions: Executions, place: str, said: str) -> None:
    _, steps = executions.ended(definition(evaluate(place), gate()))
    assert said in steps["Check"]["FailureReason"]


def test_a_retry_reads_again(executions: Executions, clock: ManualClock, bucket: Bucket) -> None:
    """The file was missing at first: the condition fails, and is tried again."""
    arn = executions.start(definition(evaluate(), gate()))
    clock.advance(1000)
    assert executions.status(arn) == "Failed"
    bucket.put(key(arn), {"metrics": {"mse": 1}})
    executions.api.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="t" * 32)
    clock.advance(1000)
    assert executions.status(arn) == "Succeeded"
    assert executions.steps(arn)["Deploy"]["StepStatus"] == "Succeeded"


def test_selected_steps_read_what_the_other_execution_has_written(
    executions: Executions, clock: ManualClock, bucket: Bucket
) -> None:
    name = executions.pipeline(definition(evaluate(), gate()))
    api = executions.api
    first = api.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    bucket.put(key(first), {"metrics": {"mse": 9}})
    clock.advance(1000)
    assert executions.status(first) == "Failed"
    bucket.put(key(first), {"metrics": {"mse": 2}})
    selected = [{"StepName": each} for each in ("Check", "Deploy", "Stop")]
    config = {"SourcePipelineExecutionArn": first, "SelectedSteps": selected}
    second = api.start_pipeline_execution(PipelineName=name, SelectiveExecutionConfig=config)["PipelineExecutionArn"]
    clock.advance(1000)
    assert executions.steps(second)["Check"]["Metadata"]["Condition"]["Outcome"] == "True"


def test_the_script_has_the_last_word(
    executions: Executions, endpoint: AwsEndpoint, clock: ManualClock, bucket: Bucket
) -> None:
    endpoint.script.add('Evaluate=gives:{"PropertyFiles": {"Report": {"metrics": {"mse": 7}}}}')
    arn = executions.start(definition(evaluate(), gate()))
    bucket.put(key(arn), {"metrics": {"mse": 1}})
    clock.advance(1000)
    assert executions.steps(arn)["Stop"]["FailureReason"] == "mse is 7"


def test_an_object_by_its_uri_and_a_job_that_is_told_what_stands_in_it(
    executions: Executions, clock: ManualClock, bucket: Bucket
) -> None:
    depth = {"Std:JsonGet": {"S3Uri": "s3://reports/settings.json", "Path": "depth"}}
    deploy = train("Deploy", Arguments={"HyperParameters": {"depth": depth}})
    bucket.put("settings.json", {"depth": "5"})
    arn = executions.start(definition(deploy))
    clock.advance(1)
    job = executions.steps(arn)["Deploy"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert executions.api.describe_training_job(TrainingJobName=job)["HyperParameters"] == {"depth": "5"}
    # A running job does not learn of a change.
    bucket.put("settings.json", {"depth": "6"})
    clock.advance(1000)
    assert executions.api.describe_training_job(TrainingJobName=job)["HyperParameters"] == {"depth": "5"}
    assert "StepDescription" not in executions.steps(arn)["Deploy"]


def test_each_round_of_a_loop_has_a_file_of_its_own(executions: Executions, clock: ManualClock, bucket: Bucket) -> None:
    place = {"Std:Join": {"On": "/", "Values": ["s3://reports", {"Get": "ForEach.CurrentItem"}]}}
    note = train("Note", Arguments={"HyperParameters": {"mse": MSE}})
    loop = {
        "Name": "Each",
        "Type": "ForEach",
        "Arguments": {
            "IterableItems": ["a", "b"],
            "MaxConcurrency": 2,
            "ForEachBody": [evaluate(place), note],
        },
    }
    for index, name in enumerate("ab"):
        bucket.put(f"{name}/evaluation.json", {"metrics": {"mse": str(index)}})
    arn = executions.start(definition(loop))
    clock.advance(1000)
    steps = executions.steps(arn)
    for index in range(2):
        job = steps[f"Note-{index}"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
        told = executions.api.describe_training_job(TrainingJobName=job)["HyperParameters"]
        assert told == {"mse": str(index)}
