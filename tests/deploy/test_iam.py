"""Each action of each policy is needed by a call that somebody makes, and no call lacks its action.

Sources: the calls of the controller's resource managers (sdk.go of sagemaker-controller 1.9.1), our own code, and the
service authorization reference of SageMaker (which resources an action is checked on).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from airflow_ack_sagemaker.core.doctor.roles import trusts_sagemaker
from airflow_ack_sagemaker.core.resource.kinds import KINDS

DEPLOY = Path(__file__).parents[2] / "deploy"
PACKAGE = Path(__file__).parents[2] / "airflow_ack_sagemaker"
PASS_ROLE = "iam:PassRole"
CREATE_GRANT = "kms:CreateGrant"


def _calls(kind: str, verbs: str) -> set[str]:
    return {f"{verb}{kind}" for verb in verbs.split()}


CALLS: dict[str, set[str]] = {
    "Pipeline": _calls("Pipeline", "Create Describe Update Delete"),
    "PipelineExecution": _calls("PipelineExecution", "Start Describe Update Stop"),
    "Model": _calls("Model", "Create Describe Delete"),
    "ModelPackage": _calls("ModelPackage", "Create Describe Update Delete"),
    "ModelPackageGroup": _calls("ModelPackageGroup", "Create Describe Delete"),
    "EndpointConfig": _calls("EndpointConfig", "Create Describe Delete"),
    "Endpoint": _calls("Endpoint", "Create Describe Update Delete"),
    "MonitoringSchedule": _calls("MonitoringSchedule", "Create Describe Update Delete"),
    "DataQualityJobDefinition": _calls("DataQualityJobDefinition", "Create Describe Delete"),
    "ModelQualityJobDefinition": _calls("ModelQualityJobDefinition", "Create Describe Delete"),
    "TrainingJob": _calls("TrainingJob", "Create Describe Update Stop"),
    "ProcessingJob": _calls("ProcessingJob", "Create Describe Stop"),
    "TransformJob": _calls("TransformJob", "Create Describe Stop"),
}
"""Kind -> what the controller calls for it."""
TAGGED = set(CALLS) - {"PipelineExecution", "ModelPackage"}
"""Kinds that the controller creates with its default tags, which SageMaker checks as AddTags."""
TAKES_ROLE = {"Pipeline", "Model", "MonitoringSchedule", "TrainingJob", "ProcessingJob"}
"""Kinds with a role that SageMaker assumes. A schedule's definitions take one, too."""
KEYED = {"Endpoint", "TrainingJob", "ProcessingJob", "TransformJob"}
"""Kinds whose volumes may be encrypted under a key of yours, for which the caller gives a grant."""
BOTH_ARNS = {"CreateEndpoint", "UpdateEndpoint"}
"""Checked on the endpoint's and on the configuration's ARN."""
PATHS = {
    "Pipeline": "pipeline/p", "PipelineExecution": "pipeline/p/execution/e", "Model": "model/m",
    "ModelPackage": "model-package/g/1", "ModelPackageGroup": "model-package-group/g", "EndpointConfig":
    "endpoint-config/c", "Endpoint": "endpoint/e", "MonitoringSchedule": "monitoring-schedule/s",
    "DataQualityJobDefinition": "data-quality-job-definition/d", "ModelQualityJobDefinition":
    "model-quality-job-definition/d", "TrainingJob": "training-job/t", "ProcessingJob": "processing-job/p",
    "TransformJob": "transform-job/t",
}  # fmt: skip
"""Kind -> the end of the ARN that its calls are checked on."""
BESIDE = {
    "cloudwatch:DescribeAlarms": "UpdateEndpoint with autoRollbackConfiguration.alarms",
    "application-autoscaling:DeregisterScalableTarget": "DeleteEndpoint of an endpoint with autoscaling",
    PASS_ROLE: "Create* of a kind with a role",
    CREATE_GRANT: "CreateEndpoint and UpdateEndpoint of a configuration with a KmsKeyId; Create*Job with a "
    "VolumeKmsKeyId, where the job's own role may not (API permissions reference of SageMaker)",
}
"""What SageMaker asks for on the caller's behalf -> the call that needs it."""
AIRFLOW = {
    "s3:GetObject": "get_object, and head_object",
    "s3:GetObjectVersion": "get_object with a VersionId",
    "s3:ListBucket": "get_object of a missing key: without it S3 says 403",
    "kms:Decrypt": "get_object of an object under a KMS key",
    "sagemaker:DescribePipeline": "describe_pipeline",
    "sagemaker:DescribePipelineDefinitionForExecution": "describe_pipeline_definition_for_execution",
    "sagemaker:ListPipelineExecutionSteps": "list_pipeline_execution_steps",
    "sagemaker:ListPipelineExecutions": "list_pipeline_executions",
    "sagemaker:InvokeEndpoint": "invoke_endpoint",
    "logs:DescribeLogStreams": "describe_log_streams",
    "logs:GetLogEvents": "get_log_events",
}
"""Action -> the call of Airflow's components."""
COMMAND_LINE = {
    "s3:GetObject": "get_object; head_object is in its module",
    "s3:GetObjectVersion": "get_object with a VersionId",
    "s3:ListBucket": "get_object of a missing key",
    "kms:Decrypt": "get_object of an object under a KMS key",
    "sagemaker:DescribePipeline": "describe_pipeline",
    "sagemaker:ListPipelineExecutionSteps": "list_pipeline_execution_steps",
    "sagemaker:ListPipelineExecutions": "list_pipeline_executions",
    "logs:FilterLogEvents": "filter_log_events",
    "iam:GetRole": "get_role",
}
"""Action -> the call of the command line, whose people have this policy and no other."""
POLICIES = {
    "controller-pipelines": ["Pipeline", "PipelineExecution"],
    "controller-lifecycle": [kind for kind in CALLS if kind not in ("Pipeline", "PipelineExecution")],
}


def policy(name: str) -> Any:
    return json.loads((DEPLOY / "iam" / f"{name}.json").read_text())


def granted(name: str) -> Iterator[tuple[str, str]]:
    """Action and resource of each statement that allows something."""
    for statement in policy(name)["Statement"]:
        if statement["Effect"] == "Allow":
            for action in _list(statement["Action"]):
                for resource in _list(statement.get("Resource", [])):
                    yield action, resource


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def needed(kinds: list[str]) -> set[tuple[str, str]]:
    """Action and ARN of each check that SageMaker makes for these kinds."""
    base = "arn:aws:sagemaker:us-east-1:111122223333:"
    found = {(f"sagemaker:{call}", base + PATHS[kind]) for kind in kinds for call in CALLS[kind]}
    found |= {("sagemaker:AddTags", base + PATHS[kind]) for kind in kinds if kind in TAGGED}
    if "Endpoint" in kinds:
        found |= {(f"sagemaker:{call}", base + PATHS["EndpointConfig"]) for call in BOTH_ARNS}
        found |= {(action, "*") for action in BESIDE if action not in (PASS_ROLE, CREATE_GRANT)}
    if KEYED & set(kinds):
        found.add((CREATE_GRANT, "arn:aws:kms:us-east-1:111122223333:key/VOLUMES-KEY-ID"))
    if TAKES_ROLE & set(kinds):
        found.add((PASS_ROLE, "arn:aws:iam::111122223333:role/sagemaker-execution"))
    return found


@pytest.mark.parametrize("name", POLICIES)
def test_no_call_of_the_controller_lacks_its_action(name: str) -> None:
    missing = [
        (action, arn)
        for action, arn in needed(POLICIES[name])
        if not any(has == action and fnmatchcase(arn, pattern) for has, pattern in granted(name))
    ]
    assert missing == []


@pytest.mark.parametrize("name", POLICIES)
def test_each_action_is_needed_by_a_call(name: str) -> None:
    wanted = needed(POLICIES[name])
    unneeded = [
        (action, pattern)
        for action, pattern in granted(name)
        if not any(action == need and fnmatchcase(arn, pattern) for need, arn in wanted)
    ]
    assert unneeded == []


def test_the_calls_exist() -> None:
    """A call that the API model does not have would never be made."""
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    known = set(client.meta.service_model.operation_names)
    client.close()
    assert {call for calls in CALLS.values() for call in calls} <= known
    assert set(CALLS) <= set(KINDS)


@pytest.mark.parametrize(("name", "told"), [("airflow", AIRFLOW), ("command-line", COMMAND_LINE)])
def test_airflow_and_the_command_line_each_have_what_they_call_and_no_more(name: str, told: dict[str, str]) -> None:
    """Each by itself: who has the one policy does not have the other."""
    assert {action for action, _ in granted(name)} == set(told)
    words = " ".join(told.values())
    asked = called(reached(CALLERS[name]), _operations())
    assert asked == {operation for operation in _operations() if re.search(rf"\b{operation}\b", words)}


def _operations() -> set[str]:
    """What boto3's clients of the services that this package asks can be asked, by the names of their methods."""
    keys = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    found: set[str] = set()
    for service in ("sagemaker", "sagemaker-runtime", "s3", "iam", "logs", "sts", "kms", "cloudwatch"):
        client = boto3.client(service, **keys)
        found |= set(client.meta.method_to_api_mapping)
        client.close()
    return found


def _modules() -> set[Path]:
    """Those that may ask AWS for us. Sandbox and testing kit have an AWS of their own."""
    return {path for path in PACKAGE.rglob("*.py") if not {"sandbox", "testing", "kube"} & set(path.parts)}


CALLERS = {
    "airflow": {path for path in _modules() if not {"cli", "aws"} & set(path.parts)},
    "command-line": {path for path in _modules() if "cli" in path.parts},
}
"""Policy -> the modules that who has it runs, beside those that they import."""


def reached(modules: set[Path]) -> set[Path]:
    """These modules of the package and all that they import, wherever in them the import is."""
    found: set[Path] = set()
    todo = set(modules)
    while todo:
        path = todo.pop()
        found.add(path)
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.level == 0, f"{path} imports relatively, which is not followed here"
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        stems = [PACKAGE.parent / name.replace(".", "/") for name in names]
        files = {file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")}
        todo |= (files & _modules()) - found
    return found


def called(modules: set[Path], operations: set[str]) -> set[str]:
    """The operations that these modules call, be it through a paginator."""
    found = set()
    for node in (node for path in modules for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
            if node.func.attr == "get_paginator" and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return {name for name in found & operations if "_" in name}  # the others are everybody's words: search, decrypt


@pytest.mark.parametrize("path", sorted((DEPLOY / "iam").glob("*.json")), ids=lambda path: path.stem)
def test_what_iam_would_refuse(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document["Version"] == "2012-10-17"
    names = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in names)
    assert len(re.sub(r"\s", "", path.read_text())) <= 6144, "the quota of a managed policy"
    needs_principal = path.stem.endswith(("-trust", "bucket-policy", "key-policy"))
    for statement in document["Statement"]:
        assert ("Principal" in statement) == needs_principal
        assert ("Resource" in statement) == (not path.stem.endswith("-trust"))


def test_a_role_is_passed_to_sagemaker_only() -> None:
    for name in POLICIES:
        for statement in policy(name)["Statement"]:
            if PASS_ROLE in _list(statement["Action"]):
                assert statement["Action"] == PASS_ROLE
                assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
                assert "*" not in statement["Resource"]


def test_a_key_is_granted_to_aws_only() -> None:
    (statement,) = (one for one in policy("controller-lifecycle")["Statement"] if one["Action"] == CREATE_GRANT)
    assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert "*" not in statement["Resource"].rpartition(":")[2]


OUR_KEY = "arn:aws:kms:us-east-1:111122223333:key/KEY-ID"
ENCRYPTION = "s3:x-amz-server-side-encryption"


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),
        ({ENCRYPTION: "aws:kms", f"{ENCRYPTION}-aws-kms-key-id": OUR_KEY}, False),
        ({ENCRYPTION: "aws:kms", f"{ENCRYPTION}-aws-kms-key-id": OUR_KEY.replace("KEY-ID", "ANOTHER")}, True),
        ({ENCRYPTION: "aws:kms"}, True),  # that is AWS's own key, not the bucket's
        ({ENCRYPTION: "AES256"}, True),
        ({f"{ENCRYPTION}-customer-algorithm": "AES256"}, True),
        ({"aws:SecureTransport": "false"}, True),
    ],
)
def test_what_the_bucket_refuses(headers: dict[str, str], is_refused: bool) -> None:
    """What an upload names. A plain one names nothing: the bucket's default encryption is its encryption."""
    request = {"aws:SecureTransport": "true"} | headers
    denied = [one for one in policy("bucket-policy")["Statement"] if one["Effect"] == "Deny"]
    assert any(_holds(one.get("Condition", {}), request) for one in denied) == is_refused


def _holds(condition: dict[str, dict[str, str]], request: dict[str, str]) -> bool:
    """As IAM evaluates it: all operators and keys together, and a negated operator also where the key is absent."""

    def one(operator: str, key: str, value: str) -> bool:
        match operator:
            case "Null":
                return (key not in request) == (value == "true")
            case "Bool":
                return request.get(key) == value
            case "StringNotEquals" | "StringNotEqualsIfExists":
                return request.get(key) != value
        raise AssertionError(f"{operator} is not known here")

    return all(one(operator, key, value) for operator, keys in condition.items() for key, value in keys.items())


def test_who_trusts_whom() -> None:
    assert trusts_sagemaker("role", policy("execution-role-trust")).level == "ok"
    trusted = {
        "capability-role-trust": "capabilities.eks.amazonaws.com",
        "pod-identity-trust": "pods.eks.amazonaws.com",
    }
    for name, service in trusted.items():
        (statement,) = policy(name)["Statement"]
        assert statement["Principal"] == {"Service": service}
        assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    (irsa,) = policy("irsa-trust")["Statement"]
    values = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())
    account = f"system:serviceaccount:ack-system:{values['serviceAccount']['name']}"
    assert account in irsa["Condition"]["StringEquals"].values()
