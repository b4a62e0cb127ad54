"""Adoption, deletion policies, regions and tags, for kinds other than pipelines."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.core.resource.kinds import KINDS
from harness.waiting import wait_until
from tests.contract.servers import MERGE
from tests.sandbox.conftest import client
from tests.sandbox.specs import SPECS
from tests.sandbox.test_things import make
from tests.sandbox.world import SERVICES, World, conditions

MODEL, GROUP, PACKAGE = KINDS["Model"], KINDS["ModelPackageGroup"], KINDS["ModelPackage"]
SPEC: dict[str, Any] = SPECS["Model"]


def done(world: World, name: str = "one") -> dict[str, Any]:
    """The status of a model once the controller has said something of it."""
    status: dict[str, Any] = world.wait(MODEL, name, lambda found: found.get("conditions"))
    return status


def there(world: World, name: str = "one") -> bool:
    try:
        world.sagemaker.describe_model(ModelName=name)
    except ClientError:
        return False
    return True


def test_a_name_that_is_taken_is_refused_and_adopted_where_that_is_asked_for(world: World) -> None:
    make(world.sagemaker, "Model")
    world.apply(MODEL, "taken", **SPEC)
    assert conditions(done(world, "taken"))["ACK.Terminal"][2] == "Resource already exists"
    assert "finalizers" not in world.get(MODEL, "taken")["metadata"]
    fields = '{"modelName": "one"}'
    world.apply(MODEL, "ours", {"adoption-policy": "adopt-or-create", "adoption-fields": fields}, **SPEC)
    assert conditions(done(world, "ours"))["ACK.ResourceSynced"][0] == "True"
    assert world.get(MODEL, "ours")["metadata"]["annotations"][f"{SERVICES}adopted"] == "true"
    assert world.count("CreateModel") == 1


@pytest.mark.parametrize(("policy", "stays"), [("retain", True), ("delete", False)])
def test_a_deletion_policy_says_what_becomes_of_the_thing(world: World, policy: str, stays: bool) -> None:
    world.apply(MODEL, "one", {"deletion-policy": policy}, **SPEC)
    done(world)
    world.delete(MODEL, "one")
    world.gone(MODEL, "one")
    assert there(world) == stays


def test_a_namespace_has_a_policy_for_what_says_none(world: World) -> None:
    policy = {"metadata": {"annotations": {"sagemaker.services.k8s.aws/deletion-policy": "retain"}}}
    world.server.done("PATCH", f"/api/v1/namespaces/{world.namespace}", policy, media=MERGE)
    world.apply(MODEL, "one", **SPEC)
    done(world)
    world.delete(MODEL, "one")
    world.gone(MODEL, "one")
    assert there(world)


def test_what_is_only_read_is_filled_in_and_never_deleted(world: World) -> None:
    make(world.sagemaker, "ModelPackageGroup", modelPackageGroupName="before")
    arn = make(world.sagemaker, "ModelPackage")["ModelPackageArn"]
    world.advance(30)
    annotations = {"adoption-policy": "adopt", "adoption-fields": f'{{"arn": "{arn}"}}', "read-only": "true"}
    world.apply(PACKAGE, "read", annotations)
    status = world.wait(PACKAGE, "read", lambda found: found.get("modelPackageStatus") == "Completed")
    assert status["ackResourceMetadata"]["arn"] == arn
    assert world.get(PACKAGE, "read")["spec"]["modelPackageGroupName"] == "before"
    world.delete(PACKAGE, "read")
    world.gone(PACKAGE, "read")
    assert world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn


def test_a_region_and_tags_are_those_of_the_creation(world: World) -> None:
    tags = [{"key": "team", "value": "search"}]
    world.apply(MODEL, "one", {"region": "eu-west-1"}, **SPEC, tags=tags)
    arn = done(world)["ackResourceMetadata"]["arn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:123456789012:model/one"
    abroad = client("sagemaker", world.endpoint.url, "eu-west-1")
    found = {tag["Key"]: tag["Value"] for tag in abroad.list_tags(ResourceArn=arn)["Tags"]}
    assert (found["team"], found["services.k8s.aws/namespace"]) == ("search", world.namespace)
    world.apply(MODEL, "one", {"region": "eu-west-1"}, **SPEC, tags=[{"key": "team", "value": "ads"}])
    changed = world.get(MODEL, "one")["metadata"]["generation"]
    wait_until(lambda: world.controller.seen("Model").get((world.namespace, "one"), ("", 0))[1] == changed, 60, "seen")
    world.idle()
    assert conditions(world.get(MODEL, "one")["status"])["ACK.ResourceSynced"][0] == "True"
    assert {t["Key"]: t["Value"] for t in abroad.list_tags(ResourceArn=arn)["Tags"]}["team"] == "search"
    abroad.close()
