"""Models, endpoints, packages, jobs and the rest of SageMaker, as the sandbox has them: shapes, courses, scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.core.resource.kinds import KINDS
from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from airflow_ack_sagemaker.sandbox.controller.names import request_of
from tests.sandbox.conftest import client, http
from tests.sandbox.definitions import ROLE
from tests.sandbox.shapes import Checked
from tests.sandbox.specs import IMAGE, NAME, SPECS


@pytest.fixture
def api(sagemaker: Any) -> Checked:
    return Checked(sagemaker)


@pytest.fixture
def runtime(endpoint: AwsEndpoint) -> Iterator[Any]:
    found = client("sagemaker-runtime", endpoint.url)
    yield found
    found.close()


def before(sagemaker: Any, clock: ManualClock) -> str:
    """Make what others refer to, all called ``before``; gives the id of the domain."""
    make(sagemaker, "Model", modelName="before")
    make(sagemaker, "EndpointConfig", endpointConfigName="before")
    make(sagemaker, "Endpoint", endpointName="before")
    make(sagemaker, "ModelPackageGroup", modelPackageGroupName="before")
    make(sagemaker, "DataQualityJobDefinition", jobDefinitionName="before")
    domain: str = make(sagemaker, "Domain", domainName="before")["DomainId"]
    clock.advance(30)
    make(sagemaker, "UserProfile", domainID=domain, userProfileName="before")
    clock.advance(30)
    return domain


def make(sagemaker: Any, kind: str, **changes: Any) -> dict[str, Any]:
    """Create one of a kind by its spec; gives the answer."""
    shape = sagemaker.meta.service_model.operation_model(f"Create{kind}").input_shape
    request = request_of({**SPECS[kind], **changes}, shape)
    answer: dict[str, Any] = getattr(sagemaker, xform_name(f"Create{kind}"))(**request)
    return answer


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def endpoint_with(sagemaker: Any, clock: ManualClock, *configs: str) -> None:
    """An endpoint ``e`` in service that serves ``good`` with the model of that name; further configurations."""
    for name in ("good", *configs):
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
        variant = {"VariantName": "a", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="good")
    clock.advance(30)


def serves(runtime: Any, name: str = "e") -> str:
    """The model that answers."""
    answer = json.loads(runtime.invoke_endpoint(EndpointName=name, Body=b"1")["Body"].read())
    return str(answer["model"])


def test_every_kind_can_be_made() -> None:
    assert set(SPECS) == {kind for kind in KINDS if not kind.startswith("Pipeline")}


def test_answers_have_the_shapes_of_the_api_model(api: Checked, sagemaker: Any, clock: ManualClock) -> None:
    domain = before(sagemaker, clock)
    for kind, spec in SPECS.items():
        changes = {"domainID": domain} if "domainID" in spec else {}
        made = make(sagemaker, kind, **changes)
        shape = sagemaker.meta.service_model.operation_model(f"Describe{kind}").input_shape
        identity = request_of({**spec, **changes}, shape)
        identity = {"DomainId": made["DomainId"]} if kind == "Domain" else identity
        identity = {"ModelPackageName": made["ModelPackageArn"]} if kind == "ModelPackage" else identity
        for _ in range(2):
            getattr(api, xform_name(f"Describe{kind}"))(**identity)
            more = {"ModelPackageGroupName": "before"} if kind == "ModelPackage" else {}
            rows = getattr(api, xform_name(f"List{kind}s"))(**more)
            assert any(isinstance(value, list) and value for value in rows.values()), kind
            clock.advance(30)


def test_an_update_serves_the_new_model_at_its_end(sagemaker: Any, runtime: Any, clock: ManualClock) -> None:
    endpoint_with(sagemaker, clock, "new")
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="new")
    assert serves(runtime) == "good"
    during = sagemaker.describe_endpoint(EndpointName="e")
    assert (during["EndpointStatus"], during["EndpointConfigName"]) == ("Updating", "good")
    assert during["PendingDeploymentSummary"]["EndpointConfigName"] == "new"
    assert refused(sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="good")[0] == "ValidationException"
    clock.advance(30)
    assert serves(runtime) == "new"
    # What was deployed serves on: SageMaker refuses neither deletion.
    sagemaker.delete_endpoint_config(EndpointConfigName="new")
    sagemaker.delete_model(ModelName="new")
    assert serves(runtime) == "new"


@pytest.mark.parametrize(
    ("rule", "status", "reason"),
    [
        ("endpoint/e=rollback:no ping", "InService", "no ping"),
        ("endpointconfig/ne*=rollback:no ping", "InService", "no ping"),
        ("endpoint/e=silent", "InService", None),
        ("endpoint/e=capacity:none left", "InService", "none left"),
        ("endpoint/e=UpdateRollbackFailed:stuck", "UpdateRollbackFailed", "stuck"),
    ],
)
def test_an_update_that_fails_leaves_the_former_model(
    sagemaker: Any, runtime: Any, endpoint: AwsEndpoint, clock: ManualClock, rule: str, status: str, reason: str | None
) -> None:
    endpoint_with(sagemaker, clock, "new")
    endpoint.script.add(rule)
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="new")
    clock.advance(30)
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert (found["EndpointStatus"], found.get("FailureReason"), found["EndpointConfigName"]) == (
        status,
        reason,
        "good",
    )
    assert serves(runtime) == "good"


def test_a_creation_that_fails_serves_nothing_and_can_only_be_deleted(
    sagemaker: Any, runtime: Any, endpoint: AwsEndpoint, clock: ManualClock
) -> None:
    endpoint.script.add("endpoint/e=capacity")
    endpoint_with(sagemaker, clock)
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert found["EndpointStatus"] == "Failed"
    assert "InsufficientInstanceCapacity" in found["FailureReason"]
    assert refused(runtime.invoke_endpoint, EndpointName="e", Body=b"1")[0] == "ValidationError"
    assert refused(sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="good")[0] == "ValidationException"
    sagemaker.delete_endpoint(EndpointName="e")
    clock.advance(30)
    assert "Could not find endpoint" in refused(sagemaker.describe_endpoint, EndpointName="e")[1]


def test_variants_keep_their_instances_where_that_is_asked_for(sagemaker: Any, clock: ManualClock) -> None:
    endpoint_with(sagemaker, clock)
    variant = {"VariantName": "a", "ModelName": "good", "InstanceType": "ml.m5.large", "InitialInstanceCount": 5}
    sagemaker.create_endpoint_config(EndpointConfigName="five", ProductionVariants=[variant])
    for retain, count in ((True, 1), (False, 5)):
        sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="five", RetainAllVariantProperties=retain)
        clock.advance(30)
        [found] = sagemaker.describe_endpoint(EndpointName="e")["ProductionVariants"]
        assert found["CurrentInstanceCount"] == count


def test_a_held_change_goes_on_when_it_is_released(sagemaker: Any, endpoint: AwsEndpoint, clock: ManualClock) -> None:
    endpoint.script.add("endpoint/e=hold")
    endpoint_with(sagemaker, clock)
    clock.advance(3600)
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Creating"
    assert http("POST", f"{endpoint.url}/_sandbox/release", {})["released"] == 1
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"


def test_a_token_makes_one_version_and_numbers_are_never_used_twice(sagemaker: Any) -> None:
    make(sagemaker, "ModelPackageGroup", modelPackageGroupName="before")
    first = make(sagemaker, "ModelPackage", clientToken="run-1")["ModelPackageArn"]
    assert make(sagemaker, "ModelPackage", clientToken="run-1")["ModelPackageArn"] == first
    second = make(sagemaker, "ModelPackage")["ModelPackageArn"]
    assert (first[-2:], second[-2:]) == ("/1", "/2")
    code, _ = refused(sagemaker.delete_model_package_group, ModelPackageGroupName="before")
    assert code == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=second)
    assert make(sagemaker, "ModelPackage")["ModelPackageArn"].endswith("/3")


def test_versions_are_found_by_their_approval(sagemaker: Any, clock: ManualClock) -> None:
    make(sagemaker, "ModelPackageGroup", modelPackageGroupName="before")
    arns = []
    for _ in range(3):
        arns.append(make(sagemaker, "ModelPackage")["ModelPackageArn"])
        clock.advance(30)
    for arn in arns[:2]:
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="d")
    found = sagemaker.list_model_packages(ModelPackageGroupName="before", ModelApprovalStatus="Approved")
    assert [row["ModelPackageArn"] for row in found["ModelPackageSummaryList"]] == [arns[1], arns[0]]


def test_a_schedule_finds_violations_each_in_a_job_of_its_own(
    sagemaker: Any, endpoint: AwsEndpoint, clock: ManualClock
) -> None:
    before(sagemaker, clock)
    endpoint.script.add(f"monitoringschedule/{NAME}#1=violations")
    make(sagemaker, "MonitoringSchedule")
    assert refused(sagemaker.delete_monitoring_schedule, MonitoringScheduleName=NAME)[0] == "ResourceInUse"
    clock.advance(60)
    first = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=NAME)["LastMonitoringExecutionSummary"]
    assert first["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert first["EndpointName"] == "before"
    clock.advance(3600)
    again = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=NAME)["LastMonitoringExecutionSummary"]
    assert again["MonitoringExecutionStatus"] == "Completed"
    assert again["ProcessingJobArn"] != first["ProcessingJobArn"]
    rows = sagemaker.list_monitoring_executions(MonitoringScheduleName=NAME)["MonitoringExecutionSummaries"]
    assert [row["ProcessingJobArn"] for row in rows] == [again["ProcessingJobArn"], first["ProcessingJobArn"]]


def test_what_is_needed_is_not_deleted(sagemaker: Any, clock: ManualClock) -> None:
    domain = before(sagemaker, clock)
    make(sagemaker, "InferenceComponent")
    make(sagemaker, "MonitoringSchedule")
    clock.advance(60)
    assert "inference components" in refused(sagemaker.delete_endpoint, EndpointName="before")[1]
    code, _ = refused(sagemaker.delete_data_quality_job_definition, JobDefinitionName="before")
    assert code == "ResourceInUse"
    assert refused(sagemaker.delete_domain, DomainId=domain)[0] == "ResourceInUse"


def test_tags_are_those_of_the_creation(sagemaker: Any) -> None:
    arn = make(sagemaker, "Model", tags=[{"key": "team", "value": "search"}])["ModelArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "search"}]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "tier", "Value": "1"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "tier", "Value": "1"}]


def test_invocations_can_be_refused(sagemaker: Any, runtime: Any, endpoint: AwsEndpoint, clock: ManualClock) -> None:
    endpoint_with(sagemaker, clock)
    endpoint.script.add("InvokeEndpoint#1=ModelError:out of memory")
    assert refused(runtime.invoke_endpoint, EndpointName="e", Body=b"1") == ("ModelError", "out of memory")
    assert serves(runtime) == "good"
    assert refused(runtime.invoke_endpoint, EndpointName="nobody", Body=b"1")[0] == "ValidationError"
    wrong = refused(runtime.invoke_endpoint, EndpointName="e", TargetVariant="b", Body=b"1")
    assert wrong[0] == "ValidationError"


def test_answers_of_endpoints_can_be_scripted(
    sagemaker: Any, runtime: Any, endpoint: AwsEndpoint, clock: ManualClock
) -> None:
    endpoint.script.add("endpoint/*=answers:0", 'endpoint/e#2=answers:{"predictions": [4.5]}', "endpoint/f=answers:1")
    endpoint_with(sagemaker, clock)
    answers = [runtime.invoke_endpoint(EndpointName="e", Body=b"1")["Body"].read() for _ in range(3)]
    assert answers == [b'{"predictions": [4.5]}', b'{"predictions": [4.5]}', b"0"]
