"""What the ACK SageMaker controller was seen to do with a PipelineExecution, on each API server."""

from __future__ import annotations

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from tests.sandbox.definitions import CHAIN, ROLE
from tests.sandbox.world import SERVICES, World, conditions, statuses, times, until

RUNS = "PipelineExecution is in Executing status."
RUNNING = {"ACK.ResourceSynced": ("False", None, RUNS), "Ready": ("False", None, RUNS)}


def ended(status: str) -> dict[str, tuple[str, str | None, str]]:
    """The conditions of one that has ended: synced, whatever became of it."""
    said = f"PipelineExecution is in {status} status."
    return {"ACK.ResourceSynced": ("True", None, said), "Ready": ("True", None, said)}


def test_it_runs_and_succeeds(world: World) -> None:
    arn = world.launched(pipelineExecutionDisplayName="run-1")
    found = world.get(PIPELINE_EXECUTION, "run")
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/PipelineExecution"]
    assert found["metadata"]["generation"] == 1
    assert conditions(found["status"]) == RUNNING
    assert all(times(found["status"]).values())
    assert {"creationTime", "lastModifiedTime"} <= set(found["status"])
    described = world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionDisplayName"] == "run-1"
    asked = world.count("DescribePipelineExecution")
    for again in (1, 2):
        world.advance(29)
        world.settle()
        assert world.count("DescribePipelineExecution") == asked + again - 1
        world.advance(1)
        world.calls("DescribePipelineExecution", asked + again)
        world.settle()
        if again == 1:
            # Described, and nothing has changed: not even its version.
            assert world.get(PIPELINE_EXECUTION, "run") == found
    world.advance(30)
    status = world.execution("Succeeded")
    assert conditions(status) == ended("Succeeded")
    assert "failureReason" not in status
    assert world.events() == []


def test_an_old_one_is_described_every_minute_for_ever(world: World) -> None:
    world.launched()
    world.advance(61)
    world.execution("Succeeded")
    world.settle()
    found, asked = world.get(PIPELINE_EXECUTION, "run"), world.count("DescribePipelineExecution")
    for again in (1, 2, 3):
        world.advance(59)
        world.settle()
        assert world.count("DescribePipelineExecution") == asked + again - 1
        world.advance(1)
        world.calls("DescribePipelineExecution", asked + again)
    world.settle()
    assert world.get(PIPELINE_EXECUTION, "run") == found


def test_a_failed_one_looks_synced(world: World) -> None:
    world.endpoint.script.add("Train=Failed")
    world.launched()
    world.advance(61)
    status = world.execution("Failed")
    assert status["failureReason"] == "Step failure: One or multiple steps failed."
    assert conditions(status) == ended("Failed")


def test_a_failed_one_that_differs_from_its_spec_is_recoverable_too(world: World) -> None:
    world.endpoint.script.add("Train=Failed")
    world.launched()
    world.advance(61)
    world.execution("Failed")
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="changed")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: "ACK.Recoverable" in statuses(status))
    assert status["pipelineExecutionStatus"] == "Failed"
    assert statuses(status) == {"ACK.Recoverable": "True", "ACK.ResourceSynced": "True", "Ready": "False"}
    assert conditions(status)["ACK.Recoverable"][2].startswith("api error ValidationException: ")
    assert [kind for kind, time in times(status).items() if time is None] == ["ACK.Recoverable"]


def test_one_of_a_pipeline_that_is_not_there_is_terminal(world: World) -> None:
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: status.get("conditions"))
    message = "ResourceNotFound: Pipeline 'arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone' does not exist."
    assert conditions(status)["ACK.Terminal"] == ("True", None, message)
    assert statuses(status) == {"ACK.Terminal": "True", "ACK.ResourceSynced": "False", "Ready": "False"}
    assert "pipelineExecutionStatus" not in status
    assert [kind for kind, time in times(status).items() if time is None] == ["ACK.Terminal"]
    # Never tried again, not even when the pipeline comes.
    started = world.count("StartPipelineExecution")
    world.synced()
    world.advance(3600)
    world.settle()
    # What comes last is started last.
    world.apply(PIPELINE_EXECUTION, "other", pipelineName="abalone")
    world.execution("Executing", "other")
    assert world.get(PIPELINE_EXECUTION, "run")["status"] == status
    assert world.count("StartPipelineExecution") == started + 1, "only the other one"
    world.delete(PIPELINE_EXECUTION, "run")
    world.gone(PIPELINE_EXECUTION, "run")


def test_a_running_one_is_deleted(world: World) -> None:
    arn = world.launched()
    world.delete(PIPELINE_EXECUTION, "run")
    status = world.execution("Stopping")
    assert conditions(status)["ACK.Recoverable"] == ("True", None, "PipelineExecution is Stopping.")
    assert world.get(PIPELINE_EXECUTION, "run")["metadata"]["deletionTimestamp"]
    world.advance(29)
    world.idle()
    assert world.get(PIPELINE_EXECUTION, "run")
    world.advance(1)
    world.gone(PIPELINE_EXECUTION, "run")
    assert world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Stopped"
    assert world.count("StopPipelineExecution") == 1


def test_a_finished_one_is_deleted(world: World) -> None:
    arn = world.launched()
    world.advance(61)
    world.execution("Succeeded")
    world.delete(PIPELINE_EXECUTION, "run")
    world.gone(PIPELINE_EXECUTION, "run")
    described = world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionStatus"] == "Succeeded"
    assert world.count("StopPipelineExecution") == 0


def test_an_annotation_alone_is_no_reason_to_describe_it(world: World) -> None:
    world.launched()
    world.advance(5)
    asked = world.count("DescribePipelineExecution")
    patched = world.patch(PIPELINE_EXECUTION, "run", {"metadata": {"annotations": {"seen": "yes"}}})
    world.settle()
    assert world.count("DescribePipelineExecution") == asked
    assert world.get(PIPELINE_EXECUTION, "run") == patched


def test_parameters_of_a_running_one_are_changed(world: World) -> None:
    world.launched()
    world.idle()
    asked = world.count("DescribePipelineExecution")
    values = [{"name": "Ratio", "value": "1"}]
    changed = world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineParameters=values)
    assert changed["spec"]["pipelineParameters"] == values
    world.calls("DescribePipelineExecution", asked + 1)
    world.idle()
    assert world.count("UpdatePipelineExecution") == 0
    assert world.count("StartPipelineExecution") == 1
    assert conditions(world.get(PIPELINE_EXECUTION, "run")["status"]) == RUNNING


def test_other_fields_of_a_running_one_are_changed(world: World) -> None:
    arn = world.launched()
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="changed")
    world.calls("UpdatePipelineExecution", 1)
    world.idle()  # a call is counted before it is answered
    described = world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionDescription"] == "changed"
    world.endpoint.script.add("UpdatePipelineExecution=ThrottlingException:Rate exceeded")
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="again")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: "ACK.Recoverable" in statuses(status))
    assert status["pipelineExecutionStatus"] == "Executing"
    assert conditions(status) == {
        "ACK.ResourceSynced": RUNNING["ACK.ResourceSynced"],
        "ACK.Recoverable": ("True", None, "api error ThrottlingException: Rate exceeded"),
        "Ready": ("False", "ACK.Recoverable", "api error ThrottlingException: Rate exceeded"),
    }
    for tries in (3, 4, 5):
        world.advance(1)
        world.calls("UpdatePipelineExecution", tries)
    world.idle()
    world.endpoint.script.clear()
    world.advance(1)
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: "ACK.Recoverable" not in statuses(status))
    assert conditions(status) == RUNNING
    assert world.count("StartPipelineExecution") == 1


def test_one_that_lost_its_status_is_started_again(world: World) -> None:
    world.launched()
    world.idle()
    world.patch(PIPELINE_EXECUTION, "run", {"status": None}, "/status")
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="applied again")
    world.calls("StartPipelineExecution", 2)
    world.execution("Executing")
    executions = world.sagemaker.list_pipeline_executions(PipelineName="abalone")["PipelineExecutionSummaries"]
    assert len(executions) == 2


def test_an_adopted_one_gets_a_wrong_pipeline_name(world: World) -> None:
    world.sagemaker.create_pipeline(PipelineName="abalone", PipelineDefinition=CHAIN, RoleArn=ROLE)
    arn = world.sagemaker.start_pipeline_execution(PipelineName="abalone")["PipelineExecutionArn"]
    annotations = {"adoption-policy": "adopt", "adoption-fields": f'{{"arn": "{arn}"}}'}
    world.apply(PIPELINE_EXECUTION, "run", annotations, pipelineName="abalone")
    status = world.execution("Executing")
    assert status["ackResourceMetadata"]["arn"] == arn
    found = world.get(PIPELINE_EXECUTION, "run")
    assert found["metadata"]["annotations"][SERVICES + "adopted"] == "true"
    assert found["spec"]["pipelineName"] == "arn:aws:sagemaker:us-east-1:123456789012:pipeline/"
    assert world.count("StartPipelineExecution") == 1


def test_a_restarted_controller_starts_nothing_again(world: World) -> None:
    arn = world.launched()
    world.controller.stop()
    asked = world.count("DescribePipelineExecution")
    with world.another_controller() as world.controller:
        until(lambda: world.count("DescribePipelineExecution") > asked, "the execution to be described")
        world.advance(61)
        status = world.execution("Succeeded")
    assert status["ackResourceMetadata"]["arn"] == arn
    assert world.count("StartPipelineExecution") == 1
