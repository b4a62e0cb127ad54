"""Each DAG of the pages runs to its end, with its own operators, on the sandbox.

Its tasks say what must be there: the definitions at their URIs, with the placeholders that they fill; the pipelines
that they launch and do not make; the versions that they look for. What else a DAG needs stands in `_NEEDS`, by its id.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace

from airflow_ack_sagemaker.core.lifecycle.registry import adoption_manifest
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.testing import AckSandbox, run_dag
from harness.airflow_api import AirflowApi
from harness.airflow_processes import AirflowProcesses
from harness.waiting import wait_until
from tests.docs.blocks import BLOCKS, Block

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
REPORT = "s3://ml-models/evaluation/evaluation.json"
QUESTION = "retraining.ask"
APPROVER = "7"
"""Who answers questions: one of those whom the pages name."""
INFERENCE = {
    "Containers": [{"Image": "x", "ModelDataUrl": "s3://ml-models/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


def definition(pipeline: str, placeholders: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Train, evaluate, register. Each placeholder stands in it."""
    folder, _, file = REPORT.rpartition("/")
    output = {"OutputName": "evaluation", "S3Output": {"S3Uri": folder}}
    training = {
        "HyperParameters": {"rounds": {"Get": "Parameters.Rounds"}},
        "Environment": {name: f"<{name}>" for name in placeholders or ()},
    }
    registered = {
        "ModelPackageGroupName": pipeline,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": INFERENCE,
    }
    evaluate = {
        "Name": "Evaluate",
        "Type": "Processing",
        "DependsOn": ["Train"],
        "Arguments": {"ProcessingOutputConfig": {"Outputs": [output]}},
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": file}],
    }
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Rounds", "Type": "Integer", "DefaultValue": 20}],
        "Steps": [
            {"Name": "Train", "Type": "Training", "Arguments": training},
            evaluate,
            {"Name": "Register", "Type": "RegisterModel", "DependsOn": ["Evaluate"], "Arguments": registered},
        ],
    }


def model_version(sandbox: AckSandbox, group: str, mse: float = 5.0) -> str:
    """An approved version of a model, with the metrics that a gate has written on it; its ARN."""
    sagemaker = sandbox.boto3("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", InferenceSpecification=INFERENCE
    )["ModelPackageArn"]
    manifest = adoption_manifest(arn, "default", metrics={"regression_metrics.mse.value": mse})
    made(sandbox, manifest, lambda resource: resource["spec"].get("modelApprovalStatus") == "Approved")
    return arn


def made(sandbox: AckSandbox, manifest: dict[str, Any], done: Callable[[dict[str, Any]], bool]) -> None:
    """Create a resource and wait for what the controller makes of it."""
    kind, name = kind_of(manifest["kind"]), manifest["metadata"]["name"]
    sandbox.client.create(kind, manifest)
    wait_until(lambda: done(sandbox.client.get(kind, name)), 60, f"{kind.kind} {name}")


def pipeline(sandbox: AckSandbox, name: str) -> None:
    """A pipeline that some other DAG has made."""
    spec = {"pipelineName": name, "roleARN": ROLE, "pipelineDefinition": json.dumps(definition(name))}
    manifest = {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    made(sandbox, manifest, lambda resource: resource.get("status", {}).get("pipelineStatus") == "Active")


def namespaces(sandbox: AckSandbox, *names: str) -> None:
    """Namespaces that an administrator has made."""
    with closing(Client(config=KubeConfig.from_file(sandbox.environment["KUBECONFIG"]))) as client:
        for name in names:
            client.create(Namespace(metadata=ObjectMeta(name=name)))


def model(sandbox: AckSandbox) -> None:
    """A model of the name that the transform job says."""
    container = {"Image": "x", "ModelDataUrl": "s3://ml-models/model.tar.gz"}
    sandbox.boto3("sagemaker").create_model(ModelName="demand", ExecutionRoleArn=ROLE, PrimaryContainer=container)


def manifest_in_s3(sandbox: AckSandbox) -> None:
    """A model that is served, as resources."""
    sandbox.put_definition("s3://models/serve.yaml", SERVE)


def predictions(sandbox: AckSandbox) -> None:
    """Endpoints that answer what the smoke tests look for."""
    sandbox.script('endpoint/*=answers:{"predictions": [4.5]}')


SERVE = """
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: Model
metadata: {name: abalone}
spec:
  modelName: abalone
  executionRoleARN: arn:aws:iam::123456789012:role/serving
  primaryContainer: {image: x, modelDataURL: s3://models/model.tar.gz}
---
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: EndpointConfig
metadata: {name: abalone}
spec:
  endpointConfigName: abalone
  productionVariants:
  - {variantName: all, modelName: abalone, instanceType: ml.m5.large, initialInstanceCount: 1}
---
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: Endpoint
metadata: {name: abalone}
spec: {endpointName: abalone, endpointConfigName: abalone}
"""
_NEEDS: Mapping[str, Callable[[AckSandbox], Any]] = {
    "resources": manifest_in_s3,
    "retrain_and_deploy_demand": predictions,
    "score": model,
    "the_whole_way": predictions,
}
_EVENTS: Mapping[str, Callable[[AckSandbox], tuple[str, dict[str, Any]]]] = {
    "deploy_approved": lambda sandbox: ("demand_approved", {"arn": model_version(sandbox, "demand")}),
    "on_drift": lambda _: ("demand_drift", {"schedule": "demand-quality"}),
    "on_new_data": lambda _: ("s3://sales/daily", {}),
    "sooner": lambda _: ("demand_definition", {"version_id": "v2"}),
    "tell_somebody": lambda _: ("demand_ends", {"name": "demand-1", "state": "Failed"}),
}
"""The asset whose event starts a DAG, and the event's payload. That watchers fire is shown in tests/airflow."""


def prepare(sandbox: AckSandbox, dag: DAG) -> None:
    """What the tasks of a DAG find."""

    def named(attribute: str, tasks: Sequence[Any] = dag.tasks) -> set[str]:
        return {name for task in tasks if (name := getattr(task, attribute, None)) is not None}

    make: list[Any] = [task for task in dag.tasks if hasattr(task, "definition_uri")]
    for task in make:
        sandbox.put_definition(task.definition_uri, definition(task.pipeline_name, task.placeholders))
    for name in named("pipeline_name") - named("pipeline_name", make):
        pipeline(sandbox, name)
    for group in named("model_package_group"):
        model_version(sandbox, group)
    namespaces(sandbox, *named("namespace"))
    sandbox.put_definition(REPORT, {"regression_metrics": {"mse": {"value": 4.5}}})
    if (more := _NEEDS.get(dag.dag_id)) is not None:
        more(sandbox)


@contextmanager
def started_by(asset: str, payload: dict[str, Any]) -> Iterator[None]:
    """The runs that begin meanwhile are started by such an event, as the scheduler would write it down."""
    from airflow.models.asset import AssetEvent, AssetModel, association_table
    from airflow.models.dagrun import DagRun
    from sqlalchemy import event, insert, select

    def note(_mapper: Any, connection: Any, run: DagRun) -> None:
        found = connection.execute(select(AssetModel.id).where(AssetModel.name == asset)).scalar_one()
        extra = {"from_trigger": True, "payload": payload}
        told = connection.execute(insert(AssetEvent).values(asset_id=found, extra=extra)).inserted_primary_key[0]
        connection.execute(insert(association_table).values(dag_run_id=run.id, event_id=told))

    event.listen(DagRun, "after_insert", note)
    try:
        yield
    finally:
        event.remove(DagRun, "after_insert", note)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowApi]:
    """An approver, at the API server of the database in which the DAGs run."""
    from airflow import settings

    home = tmp_path_factory.mktemp("api-server")
    url, users = str(settings.SQL_ALCHEMY_CONN), {APPROVER: "admin"}
    with closing(AirflowProcesses(home, home / "dags", users=users, database_url=url)) as airflow:
        airflow.start("api-server")
        airflow.wait_ready()
        with AirflowApi(airflow.url, APPROVER, airflow.passwords[APPROVER]) as api:
            yield api


class Approves(logging.Handler):
    """Answers a DAG's question as soon as ``dag.test()`` says that it waits: an earlier answer it may overlook."""

    def __init__(self, person: AirflowApi, dag_id: str) -> None:
        super().__init__()
        self._person, self._dag_id = person, dag_id

    def emit(self, record: logging.LogRecord) -> None:
        if "Waiting for Human-in-the-loop input" in record.getMessage():
            path = f"/dags/{self._dag_id}/dagRuns/~/hitlDetails"
            found = self._person.request("GET", path, params={"response_received": False})["hitl_details"]
            for run_id in (each["task_instance"]["dag_run_id"] for each in found):
                self._person.answer(self._dag_id, run_id, QUESTION, "Approve")


@contextmanager
def approved(person: AirflowApi, dag_id: str) -> Iterator[None]:
    """What the DAG's run asks meanwhile is answered."""
    log, approves = logging.getLogger("airflow.sdk.definitions.dag"), Approves(person, dag_id)
    log.addHandler(approves)
    try:
        yield
    finally:
        log.removeHandler(approves)


DAGS = [block for block in BLOCKS if block.language == "python" and "with DAG(" in block.text and block.why_not is None]


@pytest.mark.parametrize("block", DAGS, ids=[block.name for block in DAGS])
def test_each_dag_runs_to_its_end(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """In a cluster and an account of its own, as the page about several accounts has it."""
    from airflow.dag_processing.dagbag import DagBag

    # A deferred task takes ten seconds at least; that tasks defer is shown in tests/airflow.
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "False")
    file = tmp_path / "page.py"
    file.write_text(block.text)
    dags = list(DagBag(str(file)).dags.values())
    assert dags
    for dag in dags:
        with ExitStack() as stack:
            sandbox = stack.enter_context(AckSandbox(speed=60, step_seconds=5))
            for name, value in sandbox.environment.items():
                monkeypatch.setenv(name, value)
            prepare(sandbox, dag)
            if (event := _EVENTS.get(dag.dag_id)) is not None:
                stack.enter_context(started_by(*event(sandbox)))
            if dag.has_task(QUESTION):
                stack.enter_context(approved(request.getfixturevalue("person"), dag.dag_id))
            result = run_dag(dag)
        assert result.succeeded, result
        assert set(result.tasks.values()) == {"success"}, result.tasks


def test_what_dags_need_is_needed() -> None:
    written = {dag_id for block in DAGS for dag_id in re.findall(r'\bDAG\(\s*"(\w+)"', block.text)}
    assert {*_NEEDS, *_EVENTS} <= written
