"""Steps of the SageMaker Python SDK, made with little: the same words for its second and its third version.

Imported in an environment of the SDK's own, where nothing of this project's package is. `SDK_MAJOR` and `SDK_ENDPOINT`
of the environment say which version that is, and where AWS is.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

MAJOR, ENDPOINT = int(os.environ["SDK_MAJOR"]), os.environ["SDK_ENDPOINT"]
ROLE = "arn:aws:iam::123456789012:role/retraining"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
REGION = "us-east-1"

_PLACES = {2: ("sagemaker.workflow",), 3: ("sagemaker.mlops.workflow", "sagemaker.core.workflow")}[MAJOR]


def sdk(module: str, name: str) -> Any:
    """Something of the SDK, by the module that it stands in below the workflow packages."""
    for place in _PLACES:
        try:
            return getattr(importlib.import_module(f"{place}.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name != f"{place}.{module}":
                raise
    raise ImportError(f"{module}.{name}")


Join, JsonGet = sdk("functions", "Join"), sdk("functions", "JsonGet")
Variables = sdk("execution_variables", "ExecutionVariables")
ConditionStep, FailStep = sdk("condition_step", "ConditionStep"), sdk("fail_step", "FailStep")
Properties, PropertyFile = sdk("properties", "Properties"), sdk("properties", "PropertyFile")
StepArguments = sdk("pipeline_context", "_StepArguments")
JobStepArguments = sdk("pipeline_context", "_JobStepArguments")


def condition(name: str, *operands: Any) -> Any:
    return sdk("conditions", f"Condition{name}")(*operands)


def parameter(kind: str, name: str, default: Any = None, **more: Any) -> Any:
    return sdk("parameters", f"Parameter{kind}")(name=name, default_value=default, **more)


def session() -> Any:
    """A pipeline session whose clients speak to the endpoint."""
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    client = boto3.client("sagemaker", endpoint_url=ENDPOINT, **keys)
    quiet = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
    return sdk("pipeline_context", "PipelineSession")(
        boto_session=boto3.Session(**keys),
        sagemaker_client=client,
        default_bucket="sdk-bucket",
        sagemaker_config=quiet,
    )


SESSION = session()


class Recorded:
    """What an estimator or processor records of a call in a pipeline session: the request of the job."""

    def __init__(self, caller: str, request: dict[str, Any]) -> None:
        self.sagemaker_session = SESSION
        self.caller, self.request = caller, request

    def __getattr__(self, name: str) -> None:
        """An estimator's source and the like, for which the SDK asks: there is none."""
        if name.startswith("__"):
            raise AttributeError(name)

    def record(self) -> None:
        SESSION.context = JobStepArguments(self.caller, json_copy(self.request))

    def arguments(self) -> Any:
        return StepArguments(self.caller, Recorded.record, self)


def json_copy(value: Any) -> Any:
    """A copy of containers that leaves the SDK's own objects alone."""
    if isinstance(value, dict):
        return {key: json_copy(inner) for key, inner in value.items()}
    return [json_copy(inner) for inner in value] if isinstance(value, list) else value


CALLERS = {
    "train": {2: "train", 3: "train"},
    "process": {2: "process", 3: "run"},
    "transform": {2: "transform", 3: "transform"},
    "tune": {2: "create_tuning_job", 3: "tune"},
}
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}


def training(name: str, **more: Any) -> Any:
    settings = more.pop("hyperparameters", {})
    request = {
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "HyperParameters": settings,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": more.pop("cluster", CLUSTER),
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    recorded = Recorded(CALLERS["train"][MAJOR], request)
    return sdk("steps", "TrainingStep")(name=name, step_args=recorded.arguments(), **more)


def processing(name: str, *files: Any, **more: Any) -> Any:
    output = {"OutputName": "report", "S3Output": {"LocalPath": "/o", "S3UploadMode": "EndOfJob", "S3Uri": "s3://b/o"}}
    request = {
        "AppSpecification": {"ImageUri": "image", "ContainerArguments": more.pop("arguments", ["--fast"])},
        "ProcessingOutputConfig": {"Outputs": [output]},
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "RoleArn": ROLE,
    }
    recorded = Recorded(CALLERS["process"][MAJOR], request)
    step = sdk("steps", "ProcessingStep")
    return step(name=name, step_args=recorded.arguments(), property_files=list(files), **more)


def transform(name: str, model: Any, **more: Any) -> Any:
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}}
    request = {
        "ModelName": model,
        "TransformInput": source,
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    }
    recorded = Recorded(CALLERS["transform"][MAJOR], request)
    return sdk("steps", "TransformStep")(name=name, step_args=recorded.arguments(), **more)


def tuning(name: str, **more: Any) -> Any:
    request = {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
        },
        "TrainingJobDefinition": {"RoleArn": ROLE},
    }
    recorded = Recorded(CALLERS["tune"][MAJOR], request)
    return sdk("steps", "TuningStep")(name=name, step_args=recorded.arguments(), **more)


def outputs(module: str, *names: str) -> list[Any]:
    kind = {"lambda_step": "Lambda", "callback_step": "Callback"}[module]
    text = sdk(module, f"{kind}OutputTypeEnum").String
    return [sdk(module, f"{kind}Output")(output_name=name, output_type=text) for name in names]


def function(name: str, inputs: dict[str, Any] | None = None, gives: tuple[str, ...] = (), **more: Any) -> Any:
    place = {2: "sagemaker.lambda_helper", 3: "sagemaker.core.lambda_helper"}[MAJOR]
    helper = importlib.import_module(place).Lambda(function_arn=FUNCTION, session=SESSION)
    made = outputs("lambda_step", *gives)
    return sdk("lambda_step", "LambdaStep")(name=name, lambda_func=helper, inputs=inputs, outputs=made, **more)


def callback(name: str, gives: tuple[str, ...] = (), **more: Any) -> Any:
    made = outputs("callback_step", *gives)
    return sdk("callback_step", "CallbackStep")(name=name, sqs_queue_url=QUEUE, inputs={"a": "b"}, outputs=made, **more)


def branch(name: str, conditions: list[Any], then: list[Any], otherwise: list[Any], **more: Any) -> Any:
    return ConditionStep(name=name, conditions=conditions, if_steps=then, else_steps=otherwise, **more)


def model(name: str, data: Any, register: bool = False) -> Any:
    """A step that creates or registers a model."""
    arguments = sdk("pipeline_context", "_ModelStepArguments")(Recorded("", {}))
    container = {"Image": "image", "ModelDataUrl": data}
    if register:
        arguments.caller_name = "create_model_package_from_containers"
        arguments.create_model_package_request = {
            "ModelPackageGroupName": "models",
            "InferenceSpecification": {"Containers": [container]},
            "ModelApprovalStatus": "PendingManualApproval",
        }
    else:
        arguments.caller_name = "create_model"
        arguments.create_model_request = {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    return sdk("model_step", "ModelStep")(name=name, step_args=arguments)
