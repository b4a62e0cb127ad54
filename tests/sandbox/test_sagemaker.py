"""SageMaker Pipelines over HTTP with boto3, every answer checked against the API model."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from airflow_ack_sagemaker.sandbox.aws.jobs import DESCRIBED
from airflow_ack_sagemaker.sandbox.aws.operations import NAMES
from tests.sandbox.conftest import client, http
from tests.sandbox.definitions import CHAIN, RATIO, ROLE, condition, definition, fail, train
from tests.sandbox.shapes import Checked


@pytest.fixture
def api(sagemaker: Any) -> Checked:
    return Checked(sagemaker)


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def launch(api: Checked, text: str = CHAIN, name: str = "abalone", **request: Any) -> str:
    api.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
    return str(api.start_pipeline_execution(PipelineName=name, **request)["PipelineExecutionArn"])


def status(api: Checked, arn: str) -> str:
    return str(api.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])


def steps(api: Checked, arn: str) -> dict[str, str]:
    listed = api.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending", MaxResults=100)
    return {step["StepName"]: step["StepStatus"] for step in listed["PipelineExecutionSteps"]}


def test_every_pipeline_operation_of_the_api_is_answered(api: Checked, sagemaker: Any) -> None:
    model = set(sagemaker.meta.service_model.operation_names)
    assert {name for name in model if "Pipeline" in name} == {name for name in NAMES if "Pipeline" in name}


def test_answers_have_the_shapes_of_the_api_model(api: Checked, endpoint: AwsEndpoint, clock: ManualClock) -> None:
    endpoint.script.add("Train#1=Failed")
    text = definition(
        train("Train", DisplayName="Train it", Description="With care"),
        condition(
            "Good", [{"Type": "GreaterThan", "LeftValue": {"Get": "Parameters.Ratio"}, "RightValue": 0.1}], [], []
        ),
        fail("Never", "why not"),
        parameters=(RATIO,),
    )
    tags = [{"Key": "team", "Value": "search"}]
    created = api.create_pipeline(
        PipelineName="abalone",
        PipelineDisplayName="Abalone",
        PipelineDescription="Ages",
        PipelineDefinition=text,
        RoleArn=ROLE,
        Tags=tags,
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
    )
    api.update_pipeline(PipelineName="abalone", PipelineDescription="The ages of abalones")
    api.update_pipeline_version(
        PipelineArn=created["PipelineArn"], PipelineVersionId=2, PipelineVersionDisplayName="two"
    )
    arn = api.start_pipeline_execution(
        PipelineName="abalone",
        PipelineExecutionDisplayName="first",
        PipelineExecutionDescription="The first",
        PipelineParameters=[{"Name": "Ratio", "Value": "0.75"}],
    )["PipelineExecutionArn"]
    api.update_pipeline_execution(PipelineExecutionArn=arn, PipelineExecutionDescription="The very first")
    assert api.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Executing"
    api.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    clock.advance(30)
    ended = api.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert ended["FailureReason"] == "Step failure: One or multiple steps failed."
    assert ended["PipelineExecutionDescription"] == "The very first"
    by_name = {
        s["StepName"]: s for s in api.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    }
    assert by_name["Train"]["StepDisplayName"] == "Train it"
    assert by_name["Train"]["Metadata"]["TrainingJob"]["Arn"].startswith(
        "arn:aws:sagemaker:us-east-1:123456789012:training-job/"
    )
    assert by_name["Good"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    assert by_name["Never"]["FailureReason"] == "why not"
    assert by_name["Never"]["Metadata"] == {"Fail": {"ErrorMessage": "why not"}}
    described = api.describe_pipeline(PipelineName="abalone")
    assert described["PipelineDisplayName"] == "Abalone"
    assert described["PipelineDescription"] == "The ages of abalones"
    assert described["PipelineDefinition"] == text
    assert api.describe_pipeline(PipelineName="abalone", PipelineVersionId=1)["PipelineDescription"] == "Ages"
    assert api.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)["PipelineDefinition"] == text
    assert api.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"] == [
        {"Name": "Ratio", "Value": "0.75"}
    ]
    [pipeline] = api.list_pipelines()["PipelineSummaries"]
    assert pipeline["LastExecutionTime"] == ended["CreationTime"]
    [execution] = api.list_pipeline_executions(PipelineName="abalone")["PipelineExecutionSummaries"]
    assert execution["PipelineExecutionFailureReason"] == ended["FailureReason"]
    versions = api.list_pipeline_versions(PipelineName="abalone")["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in versions] == [2, 1]
    assert versions[0]["LastExecutionPipelineExecutionArn"] == arn
    api.retry_pipeline_execution(PipelineExecutionArn=arn)
    api.stop_pipeline_execution(PipelineExecutionArn=arn)
    api.add_tags(ResourceArn=created["PipelineArn"], Tags=[{"Key": "kind", "Value": "demo"}])
    assert len(api.list_tags(ResourceArn=created["PipelineArn"])["Tags"]) == 2
    api.delete_tags(ResourceArn=created["PipelineArn"], TagKeys=["team"])
    clock.advance(30)
    assert api.delete_pipeline(PipelineName="abalone")["PipelineArn"] == created["PipelineArn"]
    of_steps = {name for name in NAMES if name.startswith("Send") or name in DESCRIBED}
    assert api.called >= NAMES - of_steps


def test_steps_run_in_order_with_times(api: Checked, clock: ManualClock) -> None:
    arn = launch(api)
    assert steps(api, arn) == {"Prepare": "Starting"}
    clock.advance(10)
    assert steps(api, arn) == {"Prepare": "Executing"}
    clock.advance(12)
    assert steps(api, arn) == {"Prepare": "Succeeded", "Train": "Executing"}
    clock.advance(37)
    assert status(api, arn) == "Executing"
    clock.advance(2)
    assert status(api, arn) == "Succeeded"
    listed = api.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert [step["StepName"] for step in listed] == ["Register", "Train", "Prepare"]
    for later, earlier in pairwise(listed):
        assert later["StartTime"] == earlier["EndTime"]
        assert abs(later["EndTime"] - later["StartTime"] - timedelta(seconds=20)) < timedelta(milliseconds=10)


def test_parallelism_limits_the_steps_at_once(api: Checked, clock: ManualClock) -> None:
    wide = definition(*(train(f"Train{index}") for index in range(5)))
    arn = launch(api, wide, ParallelismConfiguration={"MaxParallelExecutionSteps": 2})
    clock.advance(10)
    assert steps(api, arn) == {"Train0": "Executing", "Train1": "Executing"}
    clock.advance(45)
    assert status(api, arn) == "Executing"
    clock.advance(6)
    assert status(api, arn) == "Succeeded"


@pytest.mark.parametrize(("ratio", "run"), [("0.9", {"Check", "Deploy"}), ("0.1", {"Check", "Refuse"})])
def test_a_condition_on_parameters_decides_the_branch(
    api: Checked, clock: ManualClock, ratio: str, run: set[str]
) -> None:
    operands = [{"Type": "GreaterThanOrEqualTo", "LeftValue": {"Get": "Parameters.Ratio"}, "RightValue": 0.5}]
    text = definition(
        condition("Check", operands, [train("Deploy")], [fail("Refuse", "not good")]), parameters=(RATIO,)
    )
    arn = launch(api, text, PipelineParameters=[{"Name": "Ratio", "Value": ratio}])
    clock.advance(30)
    assert set(steps(api, arn)) == run
    assert status(api, arn) == ("Succeeded" if "Deploy" in run else "Failed")


def test_a_failed_step_ends_what_waits_for_it(api: Checked, endpoint: AwsEndpoint, clock: ManualClock) -> None:
    endpoint.script.add("abalone/Train=Failed:AlgorithmError: out of memory")
    arn = launch(api, definition(train("Train"), train("Register", "Train"), train("Other")))
    other = launch(api, CHAIN, "other")
    clock.advance(100)
    assert steps(api, arn) == {"Train": "Failed", "Other": "Succeeded"}
    [failed] = [
        step
        for step in api.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        if step["StepStatus"] == "Failed"
    ]
    assert failed["FailureReason"] == "ClientError: AlgorithmError: out of memory"
    assert api.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"].startswith("Step failure:")
    assert status(api, other) == "Succeeded"


def test_a_parameter_of_the_pipeline_scripts_its_execution(api: Checked, clock: ManualClock) -> None:
    outcome = {"Name": "SandboxOutcome", "Type": "String", "DefaultValue": ""}
    arn = launch(
        api,
        definition(train("Train"), parameters=(outcome,)),
        PipelineParameters=[{"Name": "SandboxOutcome", "Value": "Train=Failed:no data;Train=seconds:5"}],
    )
    plain = api.start_pipeline_execution(PipelineName="abalone")["PipelineExecutionArn"]
    clock.advance(6)
    assert status(api, arn) == "Failed"
    clock.advance(20)
    assert status(api, plain) == "Succeeded"


@pytest.mark.parametrize("ending", ["CompletedWithFailures", "Stopped", "Failed"])
def test_the_whole_execution_can_be_scripted(
    api: Checked, endpoint: AwsEndpoint, clock: ManualClock, ending: str
) -> None:
    endpoint.script.add(f"*#1={ending}:as it was written")
    arn = launch(api)
    clock.advance(100)
    described = api.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert (described["PipelineExecutionStatus"], described["FailureReason"]) == (ending, "as it was written")
    again = api.start_pipeline_execution(PipelineName="abalone")["PipelineExecutionArn"]
    clock.advance(100)
    assert status(api, again) == "Succeeded"


def test_stopping(api: Checked, clock: ManualClock) -> None:
    arn = launch(api)
    clock.advance(25)
    api.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert status(api, arn) == "Stopping"
    assert steps(api, arn) == {"Prepare": "Succeeded", "Train": "Stopping"}
    clock.advance(6)
    assert status(api, arn) == "Stopped"
    assert steps(api, arn) == {"Prepare": "Succeeded", "Train": "Stopped"}
    clock.advance(100)
    assert status(api, arn) == "Stopped"
    code, message = refused(api.stop_pipeline_execution, PipelineExecutionArn=arn)
    assert code == "ValidationException"
    assert "Stopped" in message


def test_a_retry_runs_what_has_not_succeeded(api: Checked, endpoint: AwsEndpoint, clock: ManualClock) -> None:
    endpoint.script.add("Train#1=Failed")
    arn = launch(api)
    assert refused(api.retry_pipeline_execution, PipelineExecutionArn=arn)[0] == "ValidationException"
    clock.advance(50)
    assert status(api, arn) == "Failed"
    before = api.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")[
        "PipelineExecutionSteps"
    ][0]
    api.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert status(api, arn) == "Executing"
    clock.advance(45)
    assert status(api, arn) == "Succeeded"
    after = api.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")["PipelineExecutionSteps"]
    assert [step["StepName"] for step in after] == ["Prepare", "Train", "Register"]
    assert after[0] == before


def test_a_held_step_goes_on_when_it_is_released(api: Checked, endpoint: AwsEndpoint, clock: ManualClock) -> None:
    endpoint.script.add("Train=hold")
    arn = launch(api)
    clock.advance(5000)
    assert steps(api, arn) == {"Prepare": "Succeeded", "Train": "Executing"}
    assert http("POST", f"{endpoint.url}/_sandbox/release", {"PipelineExecutionArn": arn}) == {"released": 1}
    clock.advance(21)
    assert status(api, arn) == "Succeeded"


def test_selective_execution(api: Checked, clock: ManualClock) -> None:
    source = launch(api)
    wanted = {"SelectedSteps": [{"StepName": "Train"}]}
    assert (
        "have dependencies on [Prepare]"
        in refused(api.start_pipeline_execution, PipelineName="abalone", SelectiveExecutionConfig=wanted)[1]
    )
    wanted["SourcePipelineExecutionArn"] = source  # type: ignore[assignment]
    assert (
        "in status Executing"
        in refused(api.start_pipeline_execution, PipelineName="abalone", SelectiveExecutionConfig=wanted)[1]
    )
    clock.advance(100)
    arn = api.start_pipeline_execution(PipelineName="abalone", SelectiveExecutionConfig=wanted)["PipelineExecutionArn"]
    clock.advance(21)
    assert status(api, arn) == "Succeeded"
    assert steps(api, arn) == {"Prepare": "Succeeded", "Train": "Succeeded"}
    unknown = {"SelectedSteps": [{"StepName": "Nope"}]}
    assert (
        refused(api.start_pipeline_execution, PipelineName="abalone", SelectiveExecutionConfig=unknown)[0]
        == "ValidationException"
    )


ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone/execution/000000000000"


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("describe_pipeline", {"PipelineName": "nope"}),
        ("update_pipeline", {"PipelineName": "nope"}),
        ("delete_pipeline", {"PipelineName": "nope"}),
        ("start_pipeline_execution", {"PipelineName": "nope"}),
        ("list_pipeline_executions", {"PipelineName": "nope"}),
        ("list_pipeline_versions", {"PipelineName": "nope"}),
        ("start_pipeline_execution", {"PipelineName": "abalone", "PipelineVersionId": 9}),
        ("describe_pipeline_execution", {"PipelineExecutionArn": ARN}),
        ("update_pipeline_execution", {"PipelineExecutionArn": ARN}),
        ("stop_pipeline_execution", {"PipelineExecutionArn": ARN}),
        ("retry_pipeline_execution", {"PipelineExecutionArn": ARN}),
        ("list_pipeline_execution_steps", {"PipelineExecutionArn": ARN}),
        ("list_pipeline_parameters_for_execution", {"PipelineExecutionArn": ARN}),
        ("describe_pipeline_definition_for_execution", {"PipelineExecutionArn": ARN}),
        ("list_tags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/nope"}),
    ],
)
def test_what_is_missing_is_resource_not_found(api: Checked, method: str, request_: dict[str, Any]) -> None:
    api.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)
    code, message = refused(getattr(api, method), **request_)
    assert code == "ResourceNotFound"
    # The controller tells a missing thing by the end of the message.
    assert message.endswith("does not exist.")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([{"Name": "Nope", "Value": "1"}], "Nope"),
        ([], "Count"),
        ([{"Name": "Count", "Value": "many"}], "Count"),
        ([{"Name": "Count", "Value": "1"}, {"Name": "Ratio", "Value": "half"}], "Ratio"),
        ([{"Name": "Count", "Value": "7"}], "Count"),
    ],
)
def test_wrong_parameters_are_refused(api: Checked, parameters: list[dict[str, str]], said: str) -> None:
    count = {"Name": "Count", "Type": "Integer", "EnumValues": [1, 2]}
    text = definition(train("Train"), parameters=(count, RATIO))
    api.create_pipeline(PipelineName="abalone", PipelineDefinition=text, RoleArn=ROLE)
    code, message = refused(api.start_pipeline_execution, PipelineName="abalone", PipelineParameters=parameters)
    assert code == "ValidationException"
    assert said in message
    assert not api.list_pipeline_executions(PipelineName="abalone")["PipelineExecutionSummaries"]


def test_constraints_of_the_api_model_are_kept(api: Checked) -> None:
    code, message = refused(
        api.create_pipeline, PipelineName="-bad-", PipelineDefinition=CHAIN, RoleArn="no role, but long enough"
    )
    assert code == "ValidationException"
    assert message.startswith(
        "2 validation errors detected: Value '-bad-' at 'pipelineName' failed to satisfy constraint"
    )
    assert refused(api.list_pipelines, SortBy="Size")[0] == "ValidationException"
    assert (
        refused(api.create_pipeline, PipelineName="p", PipelineDefinition="{}", RoleArn=ROLE)[0]
        == "ValidationException"
    )
    assert (
        refused(api.create_pipeline, PipelineName="p", PipelineDefinition="x" * 1_048_577, RoleArn=ROLE)[0]
        == "ValidationException"
    )
    assert refused(api.create_pipeline, PipelineName="p", RoleArn=ROLE)[0] == "ValidationException"


def test_a_name_is_taken_once(api: Checked) -> None:
    api.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)
    code, message = refused(api.create_pipeline, PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)
    assert code == "ValidationException"
    assert "Pipeline names must be unique within" in message


def test_a_client_request_token_makes_calls_idempotent(api: Checked) -> None:
    token = "t" * 40
    create = {"PipelineName": "abalone", "PipelineDefinition": CHAIN, "RoleArn": ROLE, "ClientRequestToken": token}
    assert api.create_pipeline(**create)["PipelineArn"] == api.create_pipeline(**create)["PipelineArn"]
    start = {"PipelineName": "abalone", "ClientRequestToken": token}
    arn = api.start_pipeline_execution(**start)["PipelineExecutionArn"]
    assert api.start_pipeline_execution(**start)["PipelineExecutionArn"] == arn
    assert (
        refused(api.start_pipeline_execution, **start, PipelineExecutionDisplayName="other")[0] == "ConflictException"
    )
    assert len(api.list_pipeline_executions(PipelineName="abalone")["PipelineExecutionSummaries"]) == 1
    stop = {"PipelineExecutionArn": arn, "ClientRequestToken": token}
    for _ in range(2):
        assert api.stop_pipeline_execution(**stop)["PipelineExecutionArn"] == arn


def test_a_pipeline_with_running_executions_is_not_deleted(api: Checked, clock: ManualClock) -> None:
    arn = launch(api)
    assert refused(api.delete_pipeline, PipelineName="abalone")[0] == "ConflictException"
    clock.advance(100)
    api.delete_pipeline(PipelineName="abalone")
    assert refused(api.describe_pipeline_execution, PipelineExecutionArn=arn)[0] == "ResourceNotFound"


def test_lists_have_pages_orders_and_filters(api: Checked, sagemaker: Any, clock: ManualClock) -> None:
    names = [f"{kind}-{index}" for kind in ("old", "new") for index in range(7)]
    for name in names:
        clock.advance(1)
        api.create_pipeline(PipelineName=name, PipelineDefinition=CHAIN, RoleArn=ROLE)

    def listed(**request: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_pipelines").paginate(**request)
        return [pipeline["PipelineName"] for page in pages for pipeline in page["PipelineSummaries"]]

    assert listed() == names[::-1]
    assert listed(SortOrder="Ascending", PaginationConfig={"PageSize": 3}) == names
    assert listed(SortBy="Name", SortOrder="Ascending") == sorted(names)
    assert listed(PipelineNamePrefix="old") == names[6::-1]
    limit = datetime.fromtimestamp(clock.time() - 6.5, UTC)
    assert set(listed(CreatedAfter=limit)) == set(names[7:])
    assert set(listed(CreatedBefore=limit)) == set(names[:7])
    first = api.list_pipelines()
    assert len(first["PipelineSummaries"]) == 10
    assert refused(api.list_pipelines, NextToken="zzz")[0] == "ValidationException"
    started = []
    for _ in range(12):
        clock.advance(1)
        started.append(api.start_pipeline_execution(PipelineName="old-0")["PipelineExecutionArn"])
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName="old-0")
    found = [execution["PipelineExecutionArn"] for page in pages for execution in page["PipelineExecutionSummaries"]]
    assert found == started[::-1]
    by_arn = api.list_pipeline_executions(
        PipelineName="old-0", SortBy="PipelineExecutionArn", SortOrder="Ascending", MaxResults=100
    )["PipelineExecutionSummaries"]
    assert [execution["PipelineExecutionArn"] for execution in by_arn] == sorted(started)


def test_a_definition_may_come_from_s3(api: Checked, endpoint: AwsEndpoint) -> None:
    s3 = client("s3", endpoint.url)
    s3.create_bucket(Bucket="definitions")
    s3.put_object(Bucket="definitions", Key="abalone.json", Body=CHAIN.encode(), ServerSideEncryption="aws:kms")
    where = {"Bucket": "definitions", "ObjectKey": "abalone.json"}
    api.create_pipeline(PipelineName="abalone", PipelineDefinitionS3Location=where, RoleArn=ROLE)
    assert api.describe_pipeline(PipelineName="abalone")["PipelineDefinition"] == CHAIN
    where["ObjectKey"] = "nope.json"
    code, message = refused(api.create_pipeline, PipelineName="other", PipelineDefinitionS3Location=where, RoleArn=ROLE)
    assert code == "ValidationException"
    assert "s3://definitions/nope.json" in message
    s3.close()


def test_regions_are_apart_and_the_account_is_the_same(api: Checked, endpoint: AwsEndpoint) -> None:
    api.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)
    abroad = client("sagemaker", endpoint.url, "eu-west-1")
    assert refused(abroad.describe_pipeline, PipelineName="abalone")[0] == "ResourceNotFound"
    arn = abroad.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)["PipelineArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/abalone"
    sts = client("sts", endpoint.url)
    assert sts.get_caller_identity()["Account"] == "123456789012"
    for used in (abroad, sts):
        used.close()


def test_other_operations_of_sagemaker_are_moto_s(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="abalone")["ExperimentArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "search"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "search"}]


def test_calls_can_be_refused(api: Checked, endpoint: AwsEndpoint) -> None:
    url = f"{endpoint.url}/_sandbox/script"
    http(
        "PUT",
        url,
        {"rules": ["CreatePipeline#1=ThrottlingException:Rate exceeded", "GetCallerIdentity=AccessDenied:not you"]},
    )
    client_ = api.client
    # boto3 tries a throttled call again by itself: the second try succeeds.
    assert (
        client_.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)["ResponseMetadata"][
            "RetryAttempts"
        ]
        == 1
    )
    sts = client("sts", endpoint.url)
    assert refused(sts.get_caller_identity) == ("AccessDenied", "not you")
    sts.close()
    http("DELETE", url)
    assert http("GET", url) == {"rules": [], "step_seconds": 20.0}


def test_requests_are_counted(api: Checked, endpoint: AwsEndpoint) -> None:
    url = f"{endpoint.url}/_sandbox/requests"
    launch(api)
    assert http("GET", url) == {"CreatePipeline": 1, "StartPipelineExecution": 1}
    assert http("DELETE", url) == {}


def test_requests_that_are_no_json_are_answered(endpoint: AwsEndpoint) -> None:
    import urllib.error
    import urllib.request

    headers = {"X-Amz-Target": "SageMaker.DescribePipeline", "Content-Type": "application/x-amz-json-1.1"}
    for body, code in (
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"PipelineName": 5}', "SerializationException"),
    ):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(urllib.request.Request(endpoint.url, body, headers), timeout=60)
        with caught.value as answer:
            assert answer.code == 400
            assert json.load(answer)["__type"] == code


def test_many_executions_cost_little(endpoint: AwsEndpoint, clock: ManualClock, api: Checked) -> None:
    import tracemalloc

    api.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)
    engine = endpoint.engine()
    pipeline = engine.pipeline("abalone")
    tracemalloc.start()
    for index in range(1000):
        engine.start(pipeline, pipeline.latest, {"PipelineExecutionDisplayName": f"run-{index}"})
    clock.advance(30)
    assert all(execution.status(clock.time()) == "Executing" for execution in pipeline.executions)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / 1000 < 2048
