"""A RegisterModel step makes a version in the registry, when it ends and only if it succeeds."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from tests.sandbox.definitions import ROLE, condition, definition, train

REGISTER = {
    "Name": "Register",
    "Type": "RegisterModel",
    "DependsOn": ["Train"],
    "Arguments": {
        "ModelPackageGroupName": {"Get": "Parameters.Group"},
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {"Image": "i", "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}},
            ]
        },
    },
}
GROUP = ({"Name": "Group", "Type": "String", "DefaultValue": "abalone"},)
LASTS = 60.0  # seconds of the clock that a step takes, unless the script says otherwise


class Registry:
    """One pipeline, and the versions that it has made."""

    def __init__(self, sagemaker: Any, endpoint: AwsEndpoint, clock: ManualClock) -> None:
        self.sagemaker, self.endpoint, self.clock = sagemaker, endpoint, clock
        self.endpoint.script.step_seconds = LASTS

    def start(self, body: str) -> str:
        self.sagemaker.create_pipeline(
            PipelineName="p", ClientRequestToken="0" * 32, RoleArn=ROLE, PipelineDefinition=body
        )
        return self.again()

    def again(self) -> str:
        arn: str = self.sagemaker.start_pipeline_execution(PipelineName="p")["PipelineExecutionArn"]
        return arn

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        found = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in found}

    def versions(self) -> list[dict[str, Any]]:
        answer = self.sagemaker.list_model_packages(ModelPackageGroupName="abalone", SortOrder="Ascending")
        found: list[dict[str, Any]] = answer["ModelPackageSummaryList"]
        return found


@pytest.fixture
def registry(sagemaker: Any, endpoint: AwsEndpoint, clock: ManualClock) -> Registry:
    return Registry(sagemaker, endpoint, clock)


def test_a_step_that_ends_makes_a_version_and_the_group_that_it_needs(registry: Registry) -> None:
    arn = registry.start(definition(train("Train"), REGISTER, parameters=GROUP))
    registry.clock.advance(1.5 * LASTS)
    assert registry.versions() == []
    assert "Arn" not in registry.steps(arn)["Register"]["Metadata"]["RegisterModel"]
    registry.clock.advance(LASTS)
    step = registry.steps(arn)["Register"]
    made = step["Metadata"]["RegisterModel"]["Arn"]
    assert made == "arn:aws:sagemaker:us-east-1:123456789012:model-package/abalone/1"
    version = registry.sagemaker.describe_model_package(ModelPackageName=made)
    assert (version["ModelPackageStatus"], version["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    assert version["CreationTime"] == step["EndTime"]
    assert version["MetadataProperties"] == {"GeneratedBy": arn}
    (container,) = version["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"].endswith("/output/model.tar.gz"), "the training's own artifact"
    group = registry.sagemaker.describe_model_package_group(ModelPackageGroupName="abalone")
    assert group["ModelPackageGroupStatus"] == "Completed"

    other = registry.again()
    registry.clock.advance(3 * LASTS)
    assert [one["ModelPackageVersion"] for one in registry.versions()] == [1, 2]
    assert registry.steps(other)["Register"]["Metadata"]["RegisterModel"]["Arn"].endswith("/abalone/2")
    assert registry.steps(arn)["Register"]["Metadata"]["RegisterModel"]["Arn"] == made, "once told, always the same"


@pytest.mark.parametrize("rule", ["Register=Failed:no", "Train=Failed:no", "Better=False"])
def test_a_step_that_does_not_succeed_makes_none(registry: Registry, rule: str) -> None:
    registry.endpoint.script.add(rule)
    better = condition("Better", [], [REGISTER], [])
    registry.start(definition(train("Train"), {**better, "DependsOn": ["Train"]}, parameters=GROUP))
    registry.clock.advance(5 * LASTS)
    assert registry.versions() == []


def test_a_retry_registers_only_what_was_not_registered(registry: Registry) -> None:
    after = train("After", "Register")
    registry.endpoint.script.add("After#1=Failed:no")
    arn = registry.start(definition(train("Train"), REGISTER, after, parameters=GROUP))
    registry.clock.advance(5 * LASTS)
    registry.endpoint.script.set(["After=Succeeded"])
    registry.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="1" * 32)
    registry.clock.advance(5 * LASTS)
    assert registry.steps(arn)["After"]["StepStatus"] == "Succeeded"
    assert [one["ModelPackageVersion"] for one in registry.versions()] == [1]


def test_a_version_outlives_its_pipeline_and_its_name_goes_on_to_later_steps(registry: Registry) -> None:
    later = {
        "Name": "Deploy",
        "Type": "Model",
        "DependsOn": ["Register"],
        "Arguments": {"PrimaryContainer": {"ModelPackageName": {"Get": "Steps.Register.ModelPackageArn"}}},
    }
    arn = registry.start(definition(train("Train"), REGISTER, later, parameters=GROUP))
    registry.clock.advance(5 * LASTS)
    assert "StepDescription" not in registry.steps(arn)["Deploy"], "which would say that an argument has no value"
    registry.sagemaker.delete_pipeline(PipelineName="p", ClientRequestToken="2" * 32)
    assert [one["ModelPackageVersion"] for one in registry.versions()] == [1]


def test_a_tag_without_a_value_is_left_out(registry: Registry, clock: ManualClock) -> None:
    tags = [
        {"Key": "auc", "Value": {"Get": "Steps.Train.FinalMetricDataList['auc'].Value"}},
        {"Key": "by", "Value": {"Get": "Execution.PipelineName"}},
    ]
    arguments: Any = REGISTER["Arguments"]
    register = REGISTER | {"Arguments": arguments | {"Tags": tags}}
    registry.start(definition(train("Train"), register, train("Last", DependsOn=["Register"]), parameters=GROUP))
    clock.advance(2.5 * LASTS)  # it still runs: until it ends, each request looks at it
    for _ in range(2):
        (version,) = registry.versions()
    listed = registry.sagemaker.list_tags(ResourceArn=version["ModelPackageArn"])
    assert listed["Tags"] == [{"Key": "by", "Value": "p"}]
