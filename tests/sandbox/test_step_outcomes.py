"""What the steps of an execution give, over HTTP with boto3, every answer checked against the API model."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.core.definition.step_types import STEP_TYPES
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from tests.sandbox.definitions import ROLE, condition, definition, fail, train
from tests.sandbox.executions import Executions
from tests.sandbox.shapes import Checked

CASES = Path(__file__).parents[1] / "core" / "definition" / "cases"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"


def case(name: str) -> str:
    return (CASES / f"{name}.json").read_text()


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_handled_failure(executions: Executions, endpoint: AwsEndpoint) -> None:
    endpoint.script.add("Fit=Failed")
    status, steps = executions.ended(case("triggers"))
    assert status == "CompletedWithFailures"
    assert {name: step["StepStatus"] for name, step in steps.items()} == {
        "Fit": "Failed",
        "Tell": "Succeeded",
        "Count": "Succeeded",
    }


@pytest.mark.parametrize(("n", "run"), [("9", "Yes"), ("10", "No"), ("11", "No"), ("-1", "Yes")])
def test_operands_are_resolved(executions: Executions, n: str, run: str) -> None:
    _, steps = executions.ended(case("join-operand"), N=n)
    assert set(steps) == {"More", run}
    assert steps["More"]["Metadata"]["Condition"]["Outcome"] == str(run == "Yes")


@pytest.mark.parametrize(("flag", "run"), [("True", "Yes"), ("true", "Yes"), ("False", "No")])
def test_booleans_as_the_sdk_sends_them(executions: Executions, flag: str, run: str) -> None:
    assert run in executions.ended(case("flag"), Flag=flag)[1]


def test_the_message_of_a_fail_step_is_resolved(executions: Executions) -> None:
    status, steps = executions.ended(case("fail-message"), N="7")
    assert status == "Failed"
    assert steps["Stop"]["FailureReason"] == "n is 7 and small is false"
    assert steps["Stop"]["Metadata"]["Fail"]["ErrorMessage"] == "n is 7 and small is false"


def test_a_message_without_a_value_says_so(executions: Executions) -> None:
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "mse"}}
    evaluate = {
        "Name": "Evaluate",
        "Type": "Processing",
        "Arguments": {},
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "o", "FilePath": "f"}],
    }
    text = definition(evaluate, fail("Stop", value))  # type: ignore[arg-type]
    _, steps = executions.ended(text)
    assert "mse in Steps.Evaluate.PropertyFiles.Report has no value" in steps["Stop"]["FailureReason"]


def test_a_condition_that_only_a_real_run_can_tell_is_never_assumed(
    executions: Executions, endpoint: AwsEndpoint
) -> None:
    operands = [
        {"Type": "LessThan", "LeftValue": {"Get": "Steps.Train.FinalMetricDataList['mse'].Value"}, "RightValue": 6}
    ]
    later = {**fail("Tell", {"Get": "Steps.Check.Outcome"}), "DependsOn": [{"Step": "Check", "Trigger": "Failed"}]}  # type: ignore[arg-type]
    text = definition(train("Train"), condition("Check", operands, [train("Deploy")], [train("Again")]), later)
    status, steps = executions.ended(text)
    assert status == "Failed"
    assert set(steps) == {"Train", "Check", "Tell"}
    assert steps["Check"]["StepStatus"] == "Failed"
    assert "Steps.Train.FinalMetricDataList['mse'].Value has no value" in steps["Check"]["FailureReason"]
    assert "Check=True" in steps["Check"]["FailureReason"]
    assert "Outcome" not in steps["Check"]["Metadata"]["Condition"]
    assert "has no value" in steps["Tell"]["FailureReason"]
    endpoint.script.add('Train=gives:{"FinalMetricDataList": [{"MetricName": "mse", "Value": 7}]}')
    assert "Again" in executions.ended(text)[1]
    endpoint.script.set(["Check=True"])
    assert "Deploy" in executions.ended(text)[1]


def test_an_argument_without_a_value_is_said(executions: Executions, endpoint: AwsEndpoint) -> None:
    told = {"Get": "Steps.Train.FinalMetricDataList['mse'].Value"}
    after = train("Deploy", Arguments={"HyperParameters": {"mse": told, "depth": "5"}}, Description="To production.")
    text = definition(train("Train"), after)
    said = executions.ended(text)[1]["Deploy"]["StepDescription"]
    assert said.startswith("To production. [sandbox: without an argument, because Steps.Train.FinalMetricDataList")
    endpoint.script.add('Train=gives:{"FinalMetricDataList": [{"MetricName": "mse", "Value": 7}]}')
    assert executions.ended(text)[1]["Deploy"]["StepDescription"] == "To production."


def test_a_property_file_can_be_scripted(executions: Executions, endpoint: AwsEndpoint) -> None:
    endpoint.script.add('Evaluate=gives:{"PropertyFiles": {"Report": {"mse": 4.5}}}')
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "mse"}}
    files = [{"PropertyFileName": "Report", "OutputName": "o", "FilePath": "f"}]
    evaluate = {"Name": "Evaluate", "Type": "Processing", "Arguments": {}, "PropertyFiles": files}
    operands = [{"Type": "LessThan", "LeftValue": value, "RightValue": 4}]
    _, steps = executions.ended(definition(evaluate, condition("Check", operands, [], [fail("Stop", "too bad")])))
    assert steps["Check"]["Metadata"]["Condition"]["Outcome"] == "False"


def test_the_names_of_jobs_are_known_to_expressions(executions: Executions) -> None:
    message = {"Std:Join": {"On": " ", "Values": ["job", {"Get": "Steps.Fit.TrainingJobName"}]}}
    text = definition(train("Fit"), fail("Stop", message))  # type: ignore[arg-type]
    _, steps = executions.ended(text)
    name = steps["Fit"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert steps["Stop"]["FailureReason"].lower() == f"job {name}"


def test_what_looks_like_a_placeholder_is_text(executions: Executions, api: Checked) -> None:
    status, _ = executions.ended(case("escaped-brackets"))
    assert status == "Succeeded"
    assert api.describe_pipeline(PipelineName="pipeline-1")["PipelineDefinition"] == case("escaped-brackets")


@pytest.mark.parametrize("name", ["depends-on-fail", "in-null", "condition-unknown-member", "mlflow-undeclared"])
def test_what_is_refused_is_refused_at_the_creation(executions: Executions, api: Checked, name: str) -> None:
    code, _ = refused(api.create_pipeline, PipelineName="p", PipelineDefinition=case(name), RoleArn=ROLE)
    assert code == "ValidationException"
    assert not api.list_pipelines()["PipelineSummaries"]


def test_an_empty_value_is_refused(executions: Executions, api: Checked) -> None:
    name = executions.pipeline(case("join-operand"))
    parameters = [{"Name": "Text", "Value": ""}]
    code, message = refused(api.start_pipeline_execution, PipelineName=name, PipelineParameters=parameters)
    assert code == "ValidationException"
    assert "required minimum: 1" in message


def test_a_loop_and_its_rounds(executions: Executions, endpoint: AwsEndpoint) -> None:
    endpoint.script.add('Score-0=gives:{"OutputParameters": {"auc": "0.7"}}')
    endpoint.script.add('Score-1=gives:{"OutputParameters": {"auc": "0.9"}}')
    endpoint.script.add('Register=gives:{"OutputParameters": {"best": "0.9"}}')
    status, steps = executions.ended(case("loop"))
    assert status == "Succeeded"
    assert set(steps) == {"Prepare", "Each", "Fit-0", "Fit-1", "Score-0", "Score-1", "Register", "Sweep"}
    assert steps["Fit-1"]["IterationContext"] == {"ParentStepName": "Each", "Index": 1, "Item": '{"name":"b"}'}
    assert steps["Each"]["Metadata"]["ForEach"] == {
        **{"Status": "Succeeded", "InputItemCount": 2, "TotalStepCount": 4},
        **{"SucceededStepCount": 4, "FailedStepCount": 0, "StoppedStepCount": 0},
        "Selector": {"StepName": "Score", "Index": 1},
    }
    assert steps["Sweep"]["Metadata"]["Cleanup"] == {"CleanedSteps": ["Prepare"]}
    assert steps["Register"]["Metadata"]["Lambda"]["OutputParameters"] == [{"Name": "best", "Value": "0.9"}]


def test_what_a_loop_gives_decides(executions: Executions, endpoint: AwsEndpoint) -> None:
    endpoint.script.add("Fit-1=Failed", 'Fit-0=gives:{"Loss": 3}', 'Fit-2=gives:{"Loss": 2}')
    loop = {
        "Name": "Each",
        "Type": "ForEach",
        "Arguments": {
            "IterableItems": ["a", "b", "c"],
            "MaxConcurrency": 3,
            "Selector": {"Pick": "MinBy", "Field": {"Get": "IterationOutput.Fit.Loss"}},
            "ForEachBody": [train("Fit")],
        },
    }
    values = [
        {"Get": f"Steps.Each.{name}"} for name in ("FailedStepCount", "Selected.Loss", "IterationOutputs[0].Fit.Loss")
    ]
    message = {"Std:Join": {"On": " ", "Values": values}}
    stop = {**fail("Stop", message), "DependsOn": [{"Step": "Each", "Trigger": "Failed"}]}  # type: ignore[arg-type]
    _, steps = executions.ended(definition(loop, stop))
    assert steps["Stop"]["FailureReason"] == "1 2 3"


def test_a_retry_runs_the_rounds_that_failed(executions: Executions, endpoint: AwsEndpoint, api: Checked) -> None:
    endpoint.script.add("Fit-1#1=Failed")
    arn = executions.start(case("loop"))
    executions.clock.advance(1000)
    before = executions.steps(arn)
    assert executions.status(arn) == "Failed"
    api.retry_pipeline_execution(PipelineExecutionArn=arn)
    executions.clock.advance(1000)
    after = executions.steps(arn)
    assert executions.status(arn) == "Succeeded"
    assert after["Fit-0"] == before["Fit-0"]
    assert after["Fit-1"]["Metadata"] != before["Fit-1"]["Metadata"]
    assert after["Each"]["Metadata"]["ForEach"]["SucceededStepCount"] == 4


def test_a_selection_has_no_gap(executions: Executions, api: Checked) -> None:
    arn = executions.start(case("chain"))
    executions.clock.advance(1000)

    def select(*names: str) -> dict[str, Any]:
        chosen = [{"StepName": name} for name in names]
        return {"SelectedSteps": chosen, "SourcePipelineExecutionArn": arn}

    start = {"PipelineName": "pipeline-1"}
    code, message = refused(api.start_pipeline_execution, **start, SelectiveExecutionConfig=select("A", "C"))
    assert code == "ValidationException"
    assert "Missing: [B]" in message
    for names in (("A", "B"), ("B",), ("A", "B", "C")):
        api.start_pipeline_execution(**start, SelectiveExecutionConfig=select(*names))


def test_a_selection_takes_over_what_the_source_has_given(
    executions: Executions, endpoint: AwsEndpoint, api: Checked
) -> None:
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "mse"}}
    files = [{"PropertyFileName": "Report", "OutputName": "o", "FilePath": "f"}]
    evaluate = {"Name": "Evaluate", "Type": "Processing", "Arguments": {}, "PropertyFiles": files}
    message = {"Std:Join": {"On": " ", "Values": [{"Get": "Steps.Fit.TrainingJobName"}, value]}}
    operands = [{"Type": "LessThan", "LeftValue": value, "RightValue": 4}]
    check = condition("Check", operands, [], [fail("Stop", message)])  # type: ignore[arg-type]
    endpoint.script.add('Evaluate=gives:{"PropertyFiles": {"Report": {"mse": 5}}}')
    arn = executions.start(definition(train("Fit"), {**evaluate, "DependsOn": ["Fit"]}, check))
    executions.clock.advance(1000)
    endpoint.script.clear()  # another run of the step would have given nothing

    def again(*names: str) -> str:
        chosen = {"SelectedSteps": [{"StepName": name} for name in names], "SourcePipelineExecutionArn": arn}
        started = api.start_pipeline_execution(PipelineName="pipeline-1", SelectiveExecutionConfig=chosen)
        executions.clock.advance(1000)
        return str(started["PipelineExecutionArn"])

    steps = executions.steps(again("Check", "Stop"))
    job = executions.steps(arn)["Fit"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert steps["Check"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert steps["Stop"]["FailureReason"].lower() == f"{job} 5"
    assert steps["Evaluate"]["SelectiveExecutionResult"]["SourcePipelineExecutionArn"] == arn


def test_a_selection_needs_what_has_ended_well(executions: Executions, endpoint: AwsEndpoint, api: Checked) -> None:
    endpoint.script.add("B#1=Failed", "*#2=CompletedWithFailures")

    def select(arn: str) -> dict[str, Any]:
        chosen = {"SelectedSteps": [{"StepName": "C"}], "SourcePipelineExecutionArn": arn}
        return {"PipelineName": arn.split("/")[1], "SelectiveExecutionConfig": chosen}

    handled = executions.start(case("chain"))
    executions.clock.advance(1000)
    code, message = refused(api.start_pipeline_execution, **select(handled))
    assert (code, "CompletedWithFailures" in message) == ("ValidationException", True)
    endpoint.script.set(["B#1=Failed"])
    failed = executions.start(case("chain"))
    executions.clock.advance(1000)
    code, message = refused(api.start_pipeline_execution, **select(failed))
    assert code == "ValidationException"
    assert "depends on [B]" in message


def test_a_selection_needs_what_has_ended_at_all(executions: Executions, endpoint: AwsEndpoint, api: Checked) -> None:
    endpoint.script.add("A=Failed")
    whatever = train("C", DependsOn=[{"Step": "B", "Trigger": "Any"}])
    arn = executions.start(definition(train("A"), train("B", DependsOn=["A"]), whatever))
    executions.clock.advance(1000)
    chosen = {"SelectedSteps": [{"StepName": "C"}], "SourcePipelineExecutionArn": arn}
    code, message = refused(api.start_pipeline_execution, PipelineName="pipeline-1", SelectiveExecutionConfig=chosen)
    assert (code, "depends on [B]" in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("value", "status"), [("0", "Failed"), ("51", "Failed"), ("2.5", "Failed"), ("2", "Succeeded")]
)
def test_a_concurrency_is_resolved(executions: Executions, value: str, status: str) -> None:
    arguments = {"IterableItems": ["a"], "MaxConcurrency": {"Get": "Parameters.Many"}, "ForEachBody": [train("Fit")]}
    loop = {"Name": "Each", "Type": "ForEach", "Arguments": arguments}
    text = definition(loop, parameters=({"Name": "Many", "Type": "Float", "DefaultValue": 1},))
    ended, steps = executions.ended(text, Many=value)
    assert (ended, "MaxConcurrency" in steps["Each"].get("FailureReason", "")) == (status, status == "Failed")


CALLBACK = {
    "Name": "Ask",
    "Type": "Callback",
    "SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
    "Arguments": {},
    "OutputParameters": [{"OutputName": "answer", "OutputType": "String"}],
}


def told(executions: Executions, arn: str) -> str:
    return str(executions.steps(arn)["Ask"]["Metadata"]["Callback"]["CallbackToken"])


def test_a_callback_waits_for_its_answer(executions: Executions, endpoint: AwsEndpoint, api: Checked) -> None:
    endpoint.script.add("Ask=hold")
    stop = fail("Stop", {"Get": "Steps.Ask.OutputParameters['answer']"})  # type: ignore[arg-type]
    arn = executions.start(definition(CALLBACK, stop))
    executions.clock.advance(5000)
    assert executions.steps(arn)["Ask"]["StepStatus"] == "Executing"
    token = told(executions, arn)
    answered = {"CallbackToken": token, "OutputParameters": [{"Name": "answer", "Value": "42"}]}
    assert api.send_pipeline_execution_step_success(**answered)["PipelineExecutionArn"] == arn
    steps = executions.steps(arn)
    assert steps["Ask"]["StepStatus"] == "Succeeded"
    assert steps["Ask"]["Metadata"]["Callback"]["OutputParameters"] == [{"Name": "answer", "Value": "42"}]
    assert steps["Stop"]["FailureReason"] == "42"
    assert refused(api.send_pipeline_execution_step_success, CallbackToken=token)[0] == "ConflictException"


def test_a_callback_can_report_a_failure(executions: Executions, api: Checked) -> None:
    arn = executions.start(definition(CALLBACK, train("After", "Ask")))
    executions.clock.advance(5)
    api.send_pipeline_execution_step_failure(CallbackToken=told(executions, arn), FailureReason="nobody home")
    assert executions.status(arn) == "Failed"
    assert executions.steps(arn)["Ask"]["FailureReason"] == "nobody home"
    api.retry_pipeline_execution(PipelineExecutionArn=arn)
    executions.clock.advance(1000)
    assert executions.status(arn) == "Succeeded"


def test_a_callback_without_an_answer_ends_by_the_clock(executions: Executions, api: Checked) -> None:
    status, steps = executions.ended(definition(CALLBACK))
    assert (status, steps["Ask"]["StepStatus"]) == ("Succeeded", "Succeeded")
    unknown = refused(api.send_pipeline_execution_step_failure, CallbackToken="0123456789")
    assert unknown[0] == "ResourceNotFound"


TRAINING = {
    **train("Fit-with-a-name-that-is-as-long-as-a-name-of-a-step-can-be-64-x"),
    "Arguments": {
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {
            "S3OutputPath": {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}]}}
        },
        "ResourceConfig": {
            "InstanceCount": {"Get": "Parameters.Count"},
            "InstanceType": "ml.m5.large",
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": "3600"},
        "HyperParameters": {
            "depth": 5,
            "unknown": {"Get": "Execution.Moon"},
            "job": {"Get": "Execution.TrainingJobName"},
        },
        "ExperimentConfig": None,
        "Unknown": True,
    },
}
PREPARE = {
    "Name": "Prepare",
    "Type": "Processing",
    "Arguments": {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": "image"},
    },
}
PREDICT = {"Name": "Predict", "Type": "Transform", "Arguments": {"ModelName": "m"}, "DependsOn": ["Prepare"]}
PARAMETERS = (
    {"Name": "Bucket", "Type": "String", "DefaultValue": "models"},
    {"Name": "Count", "Type": "Integer", "DefaultValue": 2},
)


def test_the_jobs_of_steps_are_described(executions: Executions, endpoint: AwsEndpoint, api: Checked) -> None:
    endpoint.script.add("Prepare=Failed:no data")
    arn = executions.start(definition(PREPARE, TRAINING, PREDICT, parameters=PARAMETERS))
    name = TRAINING["Name"]

    def named(step: str, member: str) -> str:
        return str(executions.steps(arn)[step]["Metadata"][member]["Arn"].rpartition("/")[2])

    running = api.describe_training_job(TrainingJobName=named(name, "TrainingJob"))
    assert (running["TrainingJobStatus"], running["SecondaryStatus"]) == ("InProgress", "Training")
    assert "TrainingEndTime" not in running
    executions.clock.advance(100)
    ended = api.describe_training_job(TrainingJobName=running["TrainingJobName"])
    assert ended["TrainingJobArn"] == executions.steps(arn)[name]["Metadata"]["TrainingJob"]["Arn"]
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Completed", "Completed")
    assert (ended["ResourceConfig"]["InstanceCount"], ended["StoppingCondition"]) == (2, {"MaxRuntimeInSeconds": 3600})
    assert ended["HyperParameters"] == {"depth": "5", "job": ended["TrainingJobName"]}
    assert ended["RoleArn"] == ROLE
    artifacts = f"s3://models/{ended['TrainingJobName']}/output/model.tar.gz"
    assert ended["ModelArtifacts"]["S3ModelArtifacts"] == artifacts
    assert ended["TrainingEndTime"] == executions.steps(arn)[name]["EndTime"]
    failed = api.describe_processing_job(ProcessingJobName=named("Prepare", "ProcessingJob"))
    assert (failed["ProcessingJobStatus"], failed["FailureReason"]) == ("Failed", "ClientError: no data")
    assert api.list_tags(ResourceArn=ended["TrainingJobArn"])["Tags"] == []
    code, _ = refused(api.describe_training_job, TrainingJobName=failed["ProcessingJobName"])
    assert code == "ValidationException"


def test_a_transform_job_is_described(executions: Executions, api: Checked) -> None:
    _, steps = executions.ended(definition(PREPARE, PREDICT))
    name = steps["Predict"]["Metadata"]["TransformJob"]["Arn"].rpartition("/")[2]
    assert api.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == "Completed"


def test_other_jobs_are_moto_s(sagemaker: Any) -> None:
    sagemaker.create_training_job(
        TrainingJobName="mine",
        AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://b"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    assert sagemaker.describe_training_job(TrainingJobName="mine")["TrainingJobName"] == "mine"


def test_each_type_tells_of_itself(executions: Executions) -> None:
    special: dict[str, dict[str, Any]] = {
        "Condition": {"Arguments": {"Conditions": [], "IfSteps": [], "ElseSteps": []}},
        "Cleanup": {"Arguments": {"Resources": {"S3": [{"StepName": "Training"}]}}, "DependsOn": ["Training"]},
        "ForEach": {"Arguments": {"IterableItems": ["a"], "MaxConcurrency": 1, "ForEachBody": [train("Inner")]}},
        "Callback": {"SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q"},
        "Lambda": {"FunctionArn": FUNCTION},
        "Lineage": {"Arguments": {"Actions": [{"ActionName": "deploy"}]}},
        "QualityCheck": {"CheckType": "DATA_QUALITY", "SkipCheck": False, "RegisterNewBaseline": True},
        "ClarifyCheck": {"CheckType": "DATA_BIAS", "SkipCheck": True},
        "RegisterModel": {"Arguments": {"ModelPackageGroupName": "models"}},
    }
    made = [{"Name": kind, "Type": kind, "Arguments": {}, **special.get(kind, {})} for kind in STEP_TYPES]
    _, steps = executions.ended(definition(*made))
    for kind, known in STEP_TYPES.items():
        assert list(steps[kind]["Metadata"]) == [known.metadata]
        assert steps[kind]["Metadata"][known.metadata], kind
    assert steps["QualityCheck"]["Metadata"]["QualityCheck"]["RegisterNewBaseline"] is True
    assert steps["Lambda"]["Metadata"]["Lambda"]["Arn"] == FUNCTION
    arn = steps["RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    assert arn.startswith("arn:aws:sagemaker:us-east-1:123456789012:model-package/models/")
    assert steps["Lineage"]["Metadata"]["Lineage"]["ActionArns"] == {
        "deploy": "arn:aws:sagemaker:us-east-1:123456789012:action/deploy"
    }


@pytest.mark.parametrize(
    "operation", ["CreateMoonBase", "DescribeAppImageConfig2", "__init__", "Dispatch", "SearchTrainingPlanOfferings"]
)
def test_an_unknown_operation_gets_aws_s_error(endpoint: AwsEndpoint, operation: str) -> None:
    headers = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(urllib.request.Request(endpoint.url, b"{}", headers), timeout=60)
    with caught.value as answer:
        assert answer.code == 400
        assert json.load(answer)["__type"] == "UnknownOperationException"


def test_arguments_that_are_no_object_or_look_like_a_reference(executions: Executions) -> None:
    odd = {"Name": "Odd", "Type": "Tomorrow", "Arguments": "text"}
    named = train("Named", Arguments={"Get": "Steps.Odd.X"})
    status, steps = executions.ended(definition(odd, named))
    assert (status, set(steps)) == ("Succeeded", {"Odd", "Named"})


def test_a_round_that_refers_to_its_own_loop_comes_to_an_end(executions: Executions) -> None:
    fit = train("Fit", Arguments={"HyperParameters": {"failed": {"Get": {"Get": "Steps.Each.FailedStepCount"}}}})
    score = train("Score", Arguments={"HyperParameters": {"fit": {"Get": "Steps.Fit.TrainingJobName"}}})
    body = {"IterableItems": ["a", "b"], "MaxConcurrency": 1, "ForEachBody": [fit, score]}
    loop = {"Name": "Each", "Type": "ForEach", "Arguments": body}
    told = train("Told", Arguments={"HyperParameters": {"n": {"Get": "Steps.Each.InputItemCount"}}})
    status, steps = executions.ended(definition(loop, told))
    assert (status, steps["Told"]["StepStatus"]) == ("Succeeded", "Succeeded")


def test_a_round_waits_for_the_whole_of_another_loop(executions: Executions) -> None:
    def loop(name: str, body: dict[str, Any]) -> dict[str, Any]:
        arguments = {"IterableItems": ["a", "b"], "MaxConcurrency": 1, "ForEachBody": [body]}
        return {"Name": name, "Type": "ForEach", "Arguments": arguments}

    second = loop("Second", train("Score", DependsOn=["Fit"]))
    status, steps = executions.ended(definition(loop("First", train("Fit")), second))
    assert status == "Succeeded"
    assert steps["Score-0"]["StartTime"] >= steps["First"]["EndTime"]


@pytest.mark.parametrize("actions", [True, 3, "text", {"ActionName": "a"}, [1]])
def test_a_lineage_without_lists_is_told_all_the_same(executions: Executions, actions: Any) -> None:
    lineage = {"Name": "Lineage", "Type": "Lineage", "Arguments": {"Actions": actions}}
    status, steps = executions.ended(definition(lineage))
    assert (status, steps["Lineage"]["Metadata"]) == ("Succeeded", {"Lineage": {}})
