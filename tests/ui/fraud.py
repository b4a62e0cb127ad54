"""A pipeline whose executions stand still three times until somebody lets them go on: at a step that people do, at the
training, and at another step that people do.
"""

from __future__ import annotations

from typing import Any

from harness.waiting import wait_until
from tests.airflow.support import Case

PIPELINE, DAG_ID = "fraud", "fraud_retraining"
FOREVER = 1e9
"""Seconds. A step that is held would go on with the first release of its execution, whenever it begins."""
RULES = (
    f"LabelCases=seconds:{FOREVER}",
    "TrainFraud=hold",
    'EvaluateFraud=gives:{"PropertyFiles": {"Report": {"auc": 0.93}}}',
    f"ApproveFraud=seconds:{FOREVER}",
)
_QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/people"
_REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def _step(name: str, kind: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": arguments or {}, **more}


_TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": f"{_REGISTRY}/fraud:1.8", "TrainingInputMode": "File"},
    "HyperParameters": {"rounds": {"Get": "Parameters.Rounds"}},
    "OutputDataConfig": {"S3OutputPath": "s3://ml-models/fraud/"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.4xlarge", "VolumeSizeInGB": 50},
    "StoppingCondition": {"MaxRuntimeInSeconds": 14400},
}
_EVALUATION = {
    "AppSpecification": {"ImageUri": f"{_REGISTRY}/fraud-evaluation:1.8"},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
    },
}
_ARTIFACTS = {"Get": "Steps.TrainFraud.ModelArtifacts.S3ModelArtifacts"}
_REGISTERED = {
    "ModelPackageGroupName": "fraud",
    "InferenceSpecification": {
        "Containers": [{"Image": f"{_REGISTRY}/fraud:1.8", "ModelDataUrl": _ARTIFACTS}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}
_AUC = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.EvaluateFraud.PropertyFiles.Report"}, "Path": "auc"}}
DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Rounds", "Type": "Integer", "DefaultValue": 100}],
    "Steps": [
        _step("LabelCases", "Callback", SqsQueueUrl=_QUEUE),
        _step("TrainFraud", "Training", _TRAINING, DependsOn=["LabelCases"]),
        _step(
            "EvaluateFraud",
            "Processing",
            _EVALUATION,
            DependsOn=["TrainFraud"],
            PropertyFiles=[{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}],
        ),
        _step(
            "GoodEnough",
            "Condition",
            {
                "Conditions": [{"Type": "GreaterThanOrEqualTo", "LeftValue": _AUC, "RightValue": 0.9}],
                "IfSteps": [
                    _step("ApproveFraud", "Callback", SqsQueueUrl=_QUEUE),
                    _step("RegisterFraud", "RegisterModel", _REGISTERED, DependsOn=["ApproveFraud"]),
                ],
                "ElseSteps": [_step("TooWeak", "Fail", {"ErrorMessage": "The new model finds less fraud."})],
            },
            DependsOn=["EvaluateFraud"],
        ),
    ],
}


def answer(case: Case, step: str) -> None:
    """What people do at a step that waits for them: say that it is done."""
    client = case.sandbox.aws_client("sagemaker")
    arn = case.executions()[-1]["PipelineExecutionArn"]

    def token() -> str | None:
        steps = client.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        running = (each for each in steps if each["StepName"] == step and each["StepStatus"] == "Executing")
        return next((str(each["Metadata"]["Callback"]["CallbackToken"]) for each in running), None)

    client.send_pipeline_execution_step_success(CallbackToken=wait_until(token, 60, f"the step {step}"))
