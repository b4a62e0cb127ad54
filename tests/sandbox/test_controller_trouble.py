"""What the resources say when AWS refuses, when it cannot be reached, and when there is no controller."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from tests.contract.servers import fresh_namespace
from tests.sandbox.world import UNKNOWN, World, conditions, statuses, times, until

UNREACHABLE = "Unable to determine the AWS account"


def test_a_refusal_is_recoverable_and_tried_again_with_back_off(world: World) -> None:
    world.endpoint.script.add("CreatePipeline=ValidationException:no such role")
    world.pipeline()
    world.calls("CreatePipeline", 1)
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    said = "api error ValidationException: no such role"
    whole = status["conditions"][1]
    assert conditions(status) == {
        "ACK.Recoverable": ("True", None, said),
        "ACK.ResourceSynced": ("Unknown", whole["reason"], UNKNOWN),
        "Ready": ("False", "ACK.Recoverable", said),
    }
    assert whole["reason"].startswith("operation error SageMaker: CreatePipeline, https response error StatusCode: 400")
    assert whole["reason"].endswith(said)
    assert [kind for kind, time in times(status).items() if time is None] == ["ACK.Recoverable"]
    assert "pipelineStatus" not in status
    until(lambda: "finalizers" not in world.get(PIPELINE, "abalone")["metadata"], "the finalizer to be removed again")
    for tries in range(2, 14):
        _advance_to_try(world, 0.005 * 2 ** (tries - 2), tries)
    world.endpoint.script.clear()
    _advance_to_try(world, 0.005 * 2**12, 14)
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")
    assert statuses(status) == {"ACK.ResourceSynced": "True", "Ready": "True"}
    assert world.get(PIPELINE, "abalone")["metadata"]["generation"] == 1


def _advance_to_try(world: World, seconds: float, tries: int) -> None:
    """Move the clock just short of the next try, then to it."""
    world.advance(seconds * 0.9)
    world.idle()
    assert world.count("CreatePipeline") == tries - 1
    # A thousandth more: sums of fractions fall short of their sum.
    world.advance(seconds * 0.101)
    world.calls("CreatePipeline", tries)


def test_four_codes_are_terminal_and_no_other(world: World) -> None:
    refusals = {
        "InvalidParameterCombination": "ACK.Terminal",
        "InvalidParameterValue": "ACK.Terminal",
        "MissingParameter": "ACK.Terminal",
        "ResourceNotFound": "ACK.Terminal",
        "ValidationException": "ACK.Recoverable",
        "AccessDeniedException": "ACK.Recoverable",
        "ThrottlingException": "ACK.Recoverable",
        "ResourceLimitExceeded": "ACK.Recoverable",
    }
    for code, expected in refusals.items():
        world.endpoint.script.clear()
        world.endpoint.script.add(f"CreatePipeline={code}:no")
        status = world.synced(code.lower())
        # The errors that SageMaker's model declares print themselves in short.
        said = f"{code}: no" if code.startswith("Resource") else f"api error {code}: no"
        assert conditions(status)[expected] == ("True", None, said)
        assert statuses(status) == {
            expected: "True",
            "ACK.ResourceSynced": "False" if expected == "ACK.Terminal" else "Unknown",
            "Ready": "False",
        }


def test_aws_that_cannot_be_reached_is_known_to_the_log_only(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.controller.stop()
    with world.another_controller(url="http://127.0.0.1:1") as controller:
        applied = world.pipeline()
        until(lambda: UNREACHABLE in caplog.text, "the controller's log")
        assert not controller.idle
        _says_nothing(world, applied)
        until(lambda: caplog.text.count(UNREACHABLE) > 1, "another try")
        _says_nothing(world, applied)


def test_aws_that_refuses_the_controller_is_known_to_the_log_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.controller.stop()
    world.endpoint.script.add("GetCallerIdentity=ExpiredToken:it has expired")
    asked = world.count("GetCallerIdentity")
    with world.another_controller() as world.controller:
        world.calls("GetCallerIdentity", asked + 1)
        applied = world.pipeline()
        until(lambda: UNREACHABLE in caplog.text, "the controller's log")
        assert "it has expired" in caplog.text
        _says_nothing(world, applied)
        world.endpoint.script.clear()
        world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")


def test_aws_that_is_lost_later_is_known_to_the_log_only(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.idle()
    world.endpoint.stop()
    applied = world.pipeline()
    until(lambda: f"Pipeline {world.namespace}/abalone: " in caplog.text, "the controller's log")
    _says_nothing(world, applied)


def test_no_controller(world: World) -> None:
    world.controller.stop()
    applied = world.pipeline()
    world.clock.advance(24 * 3600)
    _says_nothing(world, applied)
    # What was applied is not lost: a controller that comes later sees it.
    with world.another_controller():
        world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")


def test_another_namespace_is_watched(world: World) -> None:
    other = fresh_namespace(world.server).name
    applied = world.pipeline(namespace=other)
    world.settle()
    assert world.get(PIPELINE, "abalone", other) == applied
    assert "status" not in applied
    with world.another_controller(other):
        world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active", other)
    assert world.get(PIPELINE, "abalone") == {}


def _says_nothing(world: World, applied: dict[str, object]) -> None:
    """No status, no finalizer, no event: not even its version has changed."""
    assert world.get(PIPELINE, "abalone") == applied
    assert "status" not in applied
    assert world.events() == []
