"""The DAGs that a user would copy run as they are, in a real Airflow, deferred on a real triggerer."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.registry import adoption_manifest
from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import HUNG, wait_until
from tests.airflow.examples import first_run, put_definitions
from tests.airflow.support import Case


@pytest.fixture(scope="module", autouse=True)
def definition(sandbox: SandboxProcess) -> str:
    """The example definitions are there; the first one's version id."""
    return put_definitions(sandbox)


def test_scheduled_retraining(airflow: AirflowProcesses, sandbox: SandboxProcess, definition: str) -> None:
    case = Case(airflow, sandbox, "abalone")
    airflow.api.wait_for_dag("scheduled_retraining")
    airflow.api.unpause("scheduled_retraining")
    # Nobody triggers it: the schedule does, for the week that has passed.
    run_id = wait_until(
        lambda: [run["dag_run_id"] for run in airflow.api.dag_runs("scheduled_retraining")], 30, "the weekly run"
    )[0]
    assert run_id.startswith("scheduled__")
    state = airflow.api.wait_dag_run("scheduled_retraining", run_id)
    assert state == "success", airflow.api.task_log("scheduled_retraining", run_id, "retrain")

    applied = airflow.api.xcom("scheduled_retraining", run_id, "pipeline")
    assert applied["changed"] is True
    assert applied["status"] == "Active"
    assert applied["definition_version_id"] == definition
    in_sagemaker = sandbox.aws_client("sagemaker").describe_pipeline(PipelineName="abalone")
    assert in_sagemaker["PipelineArn"] == applied["arn"]
    assert "<" not in in_sagemaker["PipelineDefinition"]
    assert json.loads(in_sagemaker["PipelineDefinition"])["Steps"][0]["Arguments"]["RoleArn"].startswith("arn:aws:iam")

    launched = airflow.api.xcom("scheduled_retraining", run_id, "retrain")
    (execution,) = case.executions()
    assert launched["arn"] == execution["PipelineExecutionArn"]
    assert launched["status"] == execution["PipelineExecutionStatus"] == "Succeeded"
    assert launched["definition_sha256"] == applied["definition_sha256"]
    assert case.parameters(launched["arn"])["Rounds"] == "50"
    assert "on the triggerer" in airflow.api.task_log("scheduled_retraining", run_id, "retrain")
    links = airflow.api.extra_links("scheduled_retraining", run_id, "retrain")
    assert (links["SageMaker Pipeline Execution"] or "").endswith(launched["arn"])
    links = airflow.api.extra_links("scheduled_retraining", run_id, "pipeline")
    assert (links["SageMaker Pipeline"] or "").endswith(applied["arn"])
    event = next(event for event in airflow.api.asset_events() if event["source_run_id"] == run_id)
    assert event["extra"]["arn"] == launched["arn"]


def test_many_models(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    case = Case(airflow, sandbox, "abalone-variants")
    run_id, state = airflow.api.run_dag("many_models", timeout=180)
    assert state == "success", "\n".join(
        airflow.api.task_log("many_models", run_id, "train", map_index=index)
        for index in range(6)
        if airflow.api.task_state("many_models", run_id, "train", index) == "failed"
    )
    assert case.statuses() == ["Succeeded"] * 6
    launched: list[dict[str, Any]] = [
        airflow.api.xcom("many_models", run_id, "train", map_index=index) for index in range(6)
    ]
    wanted = {(str(depth), str(rounds)) for depth in (3, 6) for rounds in (20, 50, 100)}
    found = {(values["MaxDepth"], values["Rounds"]) for values in (case.parameters(item["arn"]) for item in launched)}
    assert found == wanted
    assert len({item["name"] for item in launched}) == 6


def test_clean_up(case: Case) -> None:
    case.apply()
    case.script("Train=hold")
    for index in range(2):
        case.kubernetes(
            "POST",
            "pipelineexecutions",
            json={
                "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
                "kind": "PipelineExecution",
                "metadata": {"name": f"{case.pipeline}-{index}"},
                "spec": {"pipelineName": case.pipeline},
            },
        )
    case.wait_statuses("Executing", "Executing")
    case.sandbox.aws_client("sagemaker").stop_pipeline_execution(
        PipelineExecutionArn=case.executions()[0]["PipelineExecutionArn"], ClientRequestToken=uuid.uuid4().hex
    )
    wait_until(
        lambda: "Stopped" in [item.get("status", {}).get("pipelineExecutionStatus") for item in case.resources()],
        30,
        "one to be stopped",
    )
    run_id, state = case.airflow.api.run_dag("clean_up", {"pipeline_name": case.pipeline})
    assert state == "success"
    assert case.statuses() == ["Stopped", "Stopped"]
    # Collecting deletes, and waits for nothing: the controller has to see it.
    wait_until(lambda: not case.resources(), HUNG, lambda: f"all to be gone: {case.resources()}")
    assert case.resource("pipelines", case.pipeline), "nobody asked to delete the pipeline"
    assert case.airflow.api.task_state("clean_up", run_id, "delete_pipeline") == "skipped"

    _, state = case.airflow.api.run_dag("clean_up", {"pipeline_name": case.pipeline, "delete_pipeline": True})
    assert state == "success"
    assert case.resource("pipelines", case.pipeline) == {}
    client = case.sandbox.aws_client("sagemaker")
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_pipeline(PipelineName=case.pipeline)


def test_nightly_batch_transform(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    case, dag_id = Case(airflow, sandbox), "nightly_batch_transform"
    sagemaker = sandbox.aws_client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="abalone-nightly")
    inference = {
        "Containers": [{"Image": "x", "ModelDataUrl": "s3://b/m.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="abalone-nightly", InferenceSpecification=inference, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    manifest = adoption_manifest(arn, sandbox.namespace)
    name = manifest["metadata"]["name"]
    case.kubernetes("POST", "modelpackages", json=manifest)
    wait_until(
        lambda: case.resource("modelpackages", name)["spec"].get("modelApprovalStatus") == "Approved", 60, "the version"
    )
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    run_id = first_run(airflow, dag_id)
    job = airflow.api.xcom(dag_id, run_id, "transform")["name"]
    described = sagemaker.describe_transform_job(TransformJobName=job)
    assert (described["TransformJobStatus"], described["ModelName"]) == ("Completed", "abalone-v1")
    model = sagemaker.describe_model(ModelName="abalone-v1")
    assert model["PrimaryContainer"]["ModelPackageName"] == arn
