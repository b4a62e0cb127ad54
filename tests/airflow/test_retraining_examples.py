"""The DAGs that a user would copy retrain run as they are, in a real Airflow, deferred on a real triggerer."""

from __future__ import annotations

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.airflow.examples import ABALONE, first_run, put, put_definitions, watchers_begun
from tests.airflow.support import Case, monitoring_schedule


@pytest.fixture(scope="module", autouse=True)
def definition(sandbox: SandboxProcess) -> str:
    """The example definitions are there; the first one's version id."""
    return put_definitions(sandbox)


def test_retrain_on_new_definition(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    case = Case(airflow, sandbox, "abalone-sooner")
    key, dag_id = "pipelines/abalone-sooner.json", "retrain_on_new_definition"
    put(sandbox, key, ABALONE.read_bytes())
    airflow.api.wait_for_dag(dag_id)
    case.control("DELETE", "requests")
    begun = watchers_begun(airflow)
    airflow.api.unpause(dag_id)
    airflow.api.read_again(dag_id)
    # Others' watchers ask S3, too: this one has looked once it has begun and the triggerer has served a run.
    wait_until(lambda: watchers_begun(airflow) > begun, 120, "the watcher")
    first_run(airflow, dag_id)
    wait_until(lambda: "S3:HEAD" in case.control("GET", "requests"), 60, "the watcher's first look")
    version = put(sandbox, key, ABALONE.read_bytes() + b"\n")

    def sooner() -> list[str]:
        runs = [run["dag_run_id"] for run in airflow.api.dag_runs(dag_id) if run["run_type"] == "asset_triggered"]
        return [run for run in runs if airflow.api.task_state(dag_id, run, "retraining.execution") == "success"]

    (run_id,) = wait_until(sooner, 180, "the run for the new version")
    assert airflow.api.xcom(dag_id, run_id, "retraining.pipeline")["definition_version_id"] == version
    assert case.statuses() == ["Succeeded"] * 2


def test_retrain_on_new_data(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    case, dag_id = Case(airflow, sandbox, "abalone-data"), "retrain_on_new_data"
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    (asset,) = airflow.api.request("GET", "/assets", params={"name_pattern": "abalone_data"})["assets"]
    event = {"asset_id": asset["id"], "extra": {"uri": "s3://ml-models/data/today/"}}
    airflow.api.request("POST", "/assets/events", json=event)
    run_id = first_run(airflow, dag_id)
    arn = airflow.api.xcom(dag_id, run_id, "retraining.execution")["arn"]
    assert case.parameters(arn)["TrainingData"] == "s3://ml-models/data/today/"


def test_retrain_on_drift(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    case, dag_id = Case(airflow, sandbox, "abalone-drift"), "retrain_on_drift"
    airflow.api.wait_for_dag(dag_id)
    begun = watchers_begun(airflow)
    airflow.api.unpause(dag_id)
    airflow.api.read_again(dag_id)
    wait_until(lambda: watchers_begun(airflow) > begun, 120, "the watcher")
    # What is there at the watcher's start is no news; it has begun once a later trigger was answered.
    other = Case(airflow, sandbox)
    other.apply()
    assert other.run("launch_deferred_wait")[1] == "success"
    # Its first execution alone: the next one is three minutes later, and a busy machine may still be at this then.
    case.control("POST", "script", json={"rules": ["monitoringschedule/abalone-quality#1=violations"]})
    case.kubernetes("POST", "monitoringschedules", json=monitoring_schedule("abalone-quality"))
    first_run(airflow, dag_id)
    assert case.statuses() == ["Succeeded"]
    case.kubernetes("DELETE", "monitoringschedules/abalone-quality")


def test_retrain_and_deploy(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    case, dag_id = Case(airflow, sandbox, "abalone-served"), "retrain_and_deploy"
    case.script("Evaluate=hold")
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    run_id = airflow.api.trigger(dag_id)
    wait_until(case.executions, 120, "the execution")
    execution = case.executions()[-1]["PipelineExecutionArn"].rpartition("/")[2]
    put(sandbox, f"evaluations/{execution}/evaluation.json", b'{"regression_metrics": {"mse": {"value": 4.5}}}')
    case.script("Evaluate=Succeeded")
    case.control("POST", "release")
    airflow.answer(dag_id, run_id, "retraining.ask", "Approve", 180)
    state = airflow.api.wait_dag_run(dag_id, run_id, 240)
    assert state == "success", airflow.api.task_log(dag_id, run_id, "retraining.deploy")
    approved = airflow.api.xcom(dag_id, run_id, "retraining.approve")
    assert airflow.api.xcom(dag_id, run_id, "retraining.deploy")["model"] == approved["arn"]
    event = next(event for event in airflow.api.asset_events() if event["source_run_id"] == run_id)
    assert event["extra"]["arn"] == approved["arn"]
    answer = sandbox.aws_client("sagemaker-runtime").invoke_endpoint(EndpointName="abalone", Body=b"1")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_retrain_in_time(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """Airflow's own notifier of Amazon SNS tells that a run is late, since it was due long ago, and that one has
    failed.
    """
    case, dag_id = Case(airflow, sandbox, "abalone-in-time"), "retrain_in_time"
    sns, sqs = sandbox.aws_client("sns"), sandbox.aws_client("sqs")
    topic = sns.create_topic(Name="retraining")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    said: list[str] = []

    def told(text: str) -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            said.append(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return text in said

    key = "pipelines/abalone-in-time.json"
    put(sandbox, key, ABALONE.read_bytes())
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    first_run(airflow, dag_id)
    run_id = airflow.api.trigger(dag_id, logical_date="2026-01-02T00:00:00Z")
    assert airflow.api.wait_dag_run(dag_id, run_id, 180) == "success", "a late run goes on"
    wait_until(lambda: told(f"{run_id} has not ended."), 120, lambda: f"to be told that it is late: {said}")
    assert case.statuses() == ["Succeeded"] * 2
    put(sandbox, key, b"{}")
    run_id = airflow.api.trigger(dag_id)
    assert airflow.api.wait_dag_run(dag_id, run_id, 180) == "failed"
    wait_until(lambda: told(f"{run_id} has failed."), 120, lambda: f"to be told that it has failed: {said}")
    sns.close()
    sqs.close()
