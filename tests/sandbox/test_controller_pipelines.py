"""What the ACK SageMaker controller was seen to do with a Pipeline, on each API server."""

from __future__ import annotations

import json

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from tests.sandbox.definitions import CHAIN, ROLE, definition, train
from tests.sandbox.gate import Gate
from tests.sandbox.world import SERVICES, SYNCED, World, conditions, renewed, times, until, written

OTHERS = definition(train("Theirs"))
SAME = json.dumps(json.loads(CHAIN), indent=1)
"""The same JSON in other words: a new spec for Kubernetes, no update for SageMaker."""
ALL_WELL = {"ACK.ResourceSynced": ("True", "", SYNCED), "Ready": ("True", "", SYNCED)}


def test_it_is_applied(world: World) -> None:
    status = world.synced(tags=[{"key": "team", "value": "search"}])
    found = world.get(PIPELINE, "abalone")
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/Pipeline"]
    assert found["metadata"]["generation"] == 1
    assert status["pipelineStatus"] == "Active"
    assert conditions(status) == ALL_WELL
    assert all(times(status).values())
    assert status["ackResourceMetadata"] == {
        "arn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone",
        "ownerAccountID": "123456789012",
        "partition": "aws",
        "region": "us-east-1",
    }
    assert {"creationTime", "lastModifiedTime"} <= set(status)
    assert "f:status" in written(found)["fieldsV1"]
    tags = world.sagemaker.list_tags(ResourceArn=status["ackResourceMetadata"]["arn"])["Tags"]
    assert {tag["Key"] for tag in tags} == {"team", "services.k8s.aws/controller-version", "services.k8s.aws/namespace"}
    assert world.events() == []


def test_its_definition_is_changed(world: World) -> None:
    before = world.synced()
    world.advance(5)
    changed = definition(train("Train"))
    assert world.pipeline(text=changed)["metadata"]["generation"] == 2
    status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != before["conditions"])
    assert conditions(status) == ALL_WELL
    assert renewed(before, status)
    assert world.described() == changed
    assert world.count("UpdatePipeline") == 1
    world.settle()
    found = world.get(PIPELINE, "abalone")
    assert (found["metadata"]["generation"], world.count("UpdatePipeline")) == (2, 1)


def test_a_busy_controller_leaves_the_old_synced_condition(world: World) -> None:
    world.synced()
    world.advance(5)
    world.controller.pause()
    after = world.pipeline(text=definition(train("Train")))
    assert after["metadata"]["generation"] == 2
    assert conditions(after["status"]) == ALL_WELL
    assert world.described() == CHAIN
    world.controller.resume()
    status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != after["status"]["conditions"])
    assert renewed(after["status"], status)


def test_reacting_renews_the_times_even_when_nothing_else_changes(world: World) -> None:
    before = world.synced()
    world.idle()
    entry = written(world.get(PIPELINE, "abalone"))

    def apply_in_a_later_second() -> bool:
        # The times in managedFields are the API server's, which no test moves.
        probe = world.server.done("GET", world.path(PIPELINE, "abalone"))
        label = {"metadata": {"labels": {"seen": probe["metadata"]["resourceVersion"]}}}
        entries = world.patch(PIPELINE, "abalone", label)["metadata"]["managedFields"]
        return bool(max(e["time"] for e in entries) > entry["time"])

    until(apply_in_a_later_second, "the API server's next second")
    world.advance(5)
    world.pipeline(text=SAME)
    status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != before["conditions"])
    assert "UpdatePipeline" not in world.endpoint.requests
    assert {**status, "conditions": None} == {**before, "conditions": None}
    assert renewed(before, status)
    again = written(world.get(PIPELINE, "abalone"))
    assert again["time"] > entry["time"]
    assert {**again, "time": None} == {**entry, "time": None}


def test_of_three_updates_within_a_second_only_the_first_shows(world: World) -> None:
    before = world.synced()
    world.advance(5)
    asked = world.count("DescribePipeline")
    world.pipeline(text=SAME)
    first = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != before["conditions"])
    assert renewed(before, first)
    for number, text in ((2, CHAIN), (3, SAME)):
        after = world.pipeline(text=text)
        world.calls("DescribePipeline", asked + number)
        world.idle()
        # The controller has looked and has written nothing.
        assert world.get(PIPELINE, "abalone") == after


def test_a_status_that_an_apply_has_overtaken_is_not_written(world: World) -> None:
    world.controller.stop()
    with (
        Gate(world.endpoint.url, "DescribePipeline") as gate,
        world.another_controller(url=gate.url) as world.controller,
    ):
        before = world.synced()
        world.advance(5)
        gate.close()
        world.pipeline(text=definition(train("First")))
        gate.await_call()
        second = world.pipeline(text=definition(train("Second")))
        # The first is compared, updated and described; then its status is refused, and the second is looked at.
        gate.let_pass()
        gate.let_pass()
        gate.await_call()
        assert world.described() == definition(train("First"))
        assert world.get(PIPELINE, "abalone") == second
        gate.open()
        status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != before["conditions"])
        assert conditions(status) == ALL_WELL
        assert world.described() == definition(train("Second"))


def test_an_annotation_alone_is_no_reason_to_reconcile(world: World) -> None:
    world.synced()
    world.advance(5)
    patched = world.patch(PIPELINE, "abalone", {"metadata": {"annotations": {"seen": "yes"}, "labels": {"l": "m"}}})
    world.settle()
    # A reconcile would have renewed the transition times.
    assert world.get(PIPELINE, "abalone") == patched
    assert patched["metadata"]["generation"] == 1


def test_its_pipeline_name_is_changed(world: World) -> None:
    world.synced()
    world.apply(PIPELINE, "abalone", pipelineName="second", pipelineDefinition=CHAIN, roleARN=ROLE)
    world.calls("CreatePipeline", 2)
    status = world.wait(PIPELINE, "abalone", lambda status: status["ackResourceMetadata"]["arn"].endswith("/second"))
    assert conditions(status) == ALL_WELL
    assert world.pipelines() == {"abalone", "second"}
    world.delete(PIPELINE, "abalone")
    world.gone(PIPELINE, "abalone")
    # The first is forgotten.
    assert world.pipelines() == {"abalone"}


@pytest.mark.parametrize(("policy", "left"), [("retain", {"abalone"}), ("delete", set())])
def test_it_is_deleted(world: World, policy: str, left: set[str]) -> None:
    world.synced(annotations={"deletion-policy": policy})
    world.delete(PIPELINE, "abalone")
    world.gone(PIPELINE, "abalone")
    assert world.pipelines() == left


def test_its_name_is_one_that_sagemaker_already_has(world: World) -> None:
    world.sagemaker.create_pipeline(PipelineName="abalone", PipelineDefinition=OTHERS, RoleArn=ROLE)
    status = world.synced()
    value, reason, message = conditions(status)["ACK.Terminal"]
    assert (value, message) == ("True", "Resource already exists")
    assert (reason or "").startswith("This resource already exists but is not managed by ACK. ")
    assert conditions(status) == {
        "ACK.Terminal": (value, reason, message),
        "ACK.ResourceSynced": ("False", "resource is in terminal condition", "Resource not synced"),
        "Ready": ("False", "ACK.Terminal", message),
    }
    assert all(times(status).values())
    # What SageMaker has is told all the same.
    assert status["pipelineStatus"] == "Active"
    assert status["ackResourceMetadata"]["arn"].endswith(":pipeline/abalone")
    found = world.get(PIPELINE, "abalone")
    assert "finalizers" not in found["metadata"]
    annotations = {SERVICES + "adoption-policy": "adopt-or-create"}
    patched = world.patch(PIPELINE, "abalone", {"metadata": {"annotations": annotations}})
    world.advance(3600)
    world.settle()
    assert world.get(PIPELINE, "abalone") == patched
    assert world.described() == OTHERS


@pytest.mark.parametrize(
    ("policy", "kept", "generation"), [("adopt-or-create", CHAIN, 1), ("adopt", OTHERS, 2)], ids=["or-create", "adopt"]
)
def test_it_is_adopted(world: World, policy: str, kept: str, generation: int) -> None:
    world.sagemaker.create_pipeline(PipelineName="abalone", PipelineDefinition=OTHERS, RoleArn=ROLE)
    status = world.synced(
        annotations={"adoption-policy": policy, "adoption-fields": '{"pipelineName": "abalone"}'},
    )
    assert conditions(status) == ALL_WELL
    found = world.get(PIPELINE, "abalone")
    assert found["metadata"]["annotations"][SERVICES + "adopted"] == "true"
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/Pipeline"]
    assert found["metadata"]["generation"] == generation
    assert found["spec"]["pipelineDefinition"] == kept
    assert world.described() == kept
    assert world.count("CreatePipeline") == 1, "our own"


def test_adopt_or_create_creates_what_is_not_there(world: World) -> None:
    world.synced(annotations={"adoption-policy": "adopt-or-create", "adoption-fields": '{"pipelineName": "abalone"}'})
    assert world.pipelines() == {"abalone"}
    assert SERVICES + "adopted" not in world.get(PIPELINE, "abalone")["metadata"]["annotations"]


def test_the_region_annotation(world: World) -> None:
    status = world.synced(annotations={"region": "eu-west-1"})
    assert status["ackResourceMetadata"]["region"] == "eu-west-1"
    assert status["ackResourceMetadata"]["arn"].startswith("arn:aws:sagemaker:eu-west-1:")
