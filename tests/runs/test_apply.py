"""What becomes of a resource that was refused, and whose a job is. Statuses are those that the real controller has
written (recorded)."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import KINDS, PIPELINE, Kind
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec, SpecError, resource_manifest
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import NotFound
from airflow_ack_sagemaker.runs.apply import Applied, apply_resource, wait_shortly
from airflow_ack_sagemaker.runs.end import withdraw
from airflow_ack_sagemaker.runs.look import Run
from airflow_ack_sagemaker.runs.stop import stop_run
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.plain_client import connect
from harness.waiting import wait_until
from tests.sandbox.specs import SPECS

LOG = logging.getLogger(__name__)
NAMESPACE = "default"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
TRAINING, MODEL, ENDPOINT = KINDS["TrainingJob"], KINDS["Model"], KINDS["Endpoint"]
FEATURES = KINDS["FeatureGroup"]
MONDAY = RunIdentity("dag", "monday", "train")
TUESDAY = RunIdentity("dag", "tuesday", "train")
RUN = Run(MONDAY, NAMESPACE, Try(number=1, max_tries=2, run_start="2026-11-02T00:00:00+00:00"))
EXISTS = "Resource already exists"
FOREIGN = [
    {"type": "ACK.Terminal", "status": "True", "message": EXISTS, "reason": "This resource already exists but is not"},
    {"type": "ACK.ResourceSynced", "status": "False", "reason": "resource is in terminal condition"},
    {"type": "Ready", "status": "False", "reason": "ACK.Terminal", "message": EXISTS},
]


class Controller:
    """What the controller writes."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def says(self, kind: Kind, name: str, conditions: list[dict[str, str]], **status: Any) -> None:
        self._patch(kind, f"{name}/status", {"status": {**status, "conditions": conditions}})

    def synced(self, kind: Kind, name: str, **status: Any) -> None:
        self.takes_up(kind, name)
        self.says(kind, name, [{"type": "ACK.ResourceSynced", "status": "True"}], **status)

    def takes_up(self, kind: Kind, name: str) -> None:
        self._patch(kind, name, {"metadata": {"finalizers": [f"finalizers.sagemaker.services.k8s.aws/{kind}"]}})

    def lets_go(self, kind: Kind, name: str) -> None:
        self._patch(kind, name, {"metadata": {"finalizers": None}})

    def _patch(self, kind: Kind, path: str, body: Mapping[str, Any]) -> None:
        answer = self._http.patch(
            f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/{NAMESPACE}/{kind.plural}/{path}",
            json=body,
            headers={"Content-Type": "application/merge-patch+json"},
        )
        answer.raise_for_status()


@pytest.fixture
def controller(api_server: ApiServer) -> Iterator[Controller]:
    with connect(api_server.kubeconfig()) as http:
        yield Controller(http)


@pytest.fixture
def client(cluster: ClusterConfig) -> Iterator[KubeClient]:
    with KubeClient(cluster) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"a-{uuid.uuid4().hex[:8]}"


def in_aws(kind: str, name: str) -> dict[str, str]:
    """What the status says of the thing in AWS."""
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}"
    return {"arn": arn, "ownerAccountID": "123456789012", "partition": "aws", "region": "us-east-1"}


def apply_pipeline(client: KubeClient, name: str, description: str, *, adopt: bool = False) -> Applied:
    spec = PipelineSpec(name, ROLE, '{"Version":"2020-12-01","Steps":[]}', description=description, adopt=adopt)
    return apply_resource(client, PIPELINE, spec.manifest(NAMESPACE), log=LOG)


def refuse(controller: Controller, name: str) -> None:
    controller.says(PIPELINE, name, FOREIGN, pipelineStatus="Active", ackResourceMetadata=in_aws("pipeline", name))


def adoption(live: Mapping[str, Any]) -> str | None:
    policy: str | None = live["metadata"]["annotations"].get("services.k8s.aws/adoption-policy")
    return policy


def test_a_refused_pipeline_is_adopted_by_annotations_and_a_change_together(
    client: KubeClient, controller: Controller, name: str
) -> None:
    apply_pipeline(client, name, "as it was")
    refuse(controller, name)
    refused = client.get(PIPELINE, name, NAMESPACE)
    assert apply_pipeline(client, name, "changed", adopt=True).changed
    live = client.get(PIPELINE, name, NAMESPACE)
    assert live["metadata"]["uid"] == refused["metadata"]["uid"], "nothing is deleted"
    assert live["metadata"]["generation"] == refused["metadata"]["generation"] + 1
    assert adoption(live) == "adopt-or-create"
    assert live["metadata"]["annotations"]["services.k8s.aws/adoption-fields"] == f'{{"pipelineName": "{name}"}}'


def test_a_refused_pipeline_of_which_nothing_changes_is_made_anew_since_annotations_alone_do_nothing(
    client: KubeClient, controller: Controller, name: str
) -> None:
    for adopt in (False, True):
        apply_pipeline(client, name, "the same")
        refuse(controller, name)
        refused = client.get(PIPELINE, name, NAMESPACE)
        applied = apply_pipeline(client, name, "the same", adopt=adopt)
        live = client.get(PIPELINE, name, NAMESPACE)
        assert (applied.changed, applied.outcome.state) == (True, State.UNSEEN)
        assert live["metadata"]["uid"] != refused["metadata"]["uid"]
        assert adoption(live) == ("adopt-or-create" if adopt else None)


def test_what_the_controller_owns_is_not_deleted_for_a_refused_change(
    client: KubeClient, controller: Controller, name: str
) -> None:
    apply_pipeline(client, name, "the same")
    controller.takes_up(PIPELINE, name)
    terminal = [{"type": "ACK.Terminal", "status": "True", "message": "InvalidParameterValue"}]
    controller.says(PIPELINE, name, terminal, pipelineStatus="Active", ackResourceMetadata=in_aws("pipeline", name))
    before = client.get(PIPELINE, name, NAMESPACE)
    applied = apply_pipeline(client, name, "the same")
    assert (applied.changed, applied.outcome.state) == (False, State.REFUSED)
    assert client.get(PIPELINE, name, NAMESPACE)["metadata"]["uid"] == before["metadata"]["uid"]
    controller.lets_go(PIPELINE, name)


def apply_job(client: KubeClient, name: str, run: Run, image: str = "1") -> Applied:
    spec = {
        "trainingJobName": name,
        "roleARN": ROLE,
        "algorithmSpecification": {"trainingImage": image, "trainingInputMode": "File"},
        "outputDataConfig": {"s3OutputPath": "s3://b/o"},
        "resourceConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 1},
        "stoppingCondition": {"maxRuntimeInSeconds": 60},
    }
    manifest = resource_manifest(
        "TrainingJob", name, NAMESPACE, spec, labels={}, annotations={}, identity=run.identity, tried=run.tried
    )
    return apply_resource(client, TRAINING, manifest, log=LOG, run=run)


def test_a_retry_attaches_to_the_job_of_its_run_and_takes_its_end(
    client: KubeClient, controller: Controller, name: str
) -> None:
    assert apply_job(client, name, RUN).changed
    controller.synced(TRAINING, name, trainingJobStatus="InProgress")
    again = apply_job(client, name, RUN)
    assert (again.changed, again.outcome.state) == (False, State.IN_PROGRESS)
    controller.synced(TRAINING, name, trainingJobStatus="Failed", failureReason="no data")
    assert apply_job(client, name, RUN).outcome.state is State.FAILED
    with pytest.raises(SpecError, match="another spec"):
        apply_job(client, name, RUN, image="2")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(RUN, identity=TUESDAY), "was made by .*monday"),
        (replace(RUN, identity=replace(MONDAY, map_index=3)), "was made by .*monday"),
        (replace(RUN, identity=replace(MONDAY, instance="another airflow")), "was made by .*monday"),
        (replace(RUN, tried=replace(RUN.tried, run_start="2026-11-03T00:00:00+00:00")), "another run of this id"),
    ],
)
def test_the_end_of_another_runs_job_is_not_this_ones(
    client: KubeClient, controller: Controller, name: str, other: Run, said: str
) -> None:
    apply_job(client, name, RUN)
    controller.synced(TRAINING, name, trainingJobStatus="Completed")
    with pytest.raises(SpecError, match=said):
        apply_job(client, name, other)
    client.patch(TRAINING, name, {"metadata": {"annotations": None}}, NAMESPACE)
    with pytest.raises(SpecError, match="was not made by this run"):
        apply_job(client, name, other)


@pytest.mark.parametrize("said", ["InProgress", "Completed"])
def test_a_clear_makes_another_job_and_stops_the_one_that_runs(
    client: KubeClient, controller: Controller, name: str, said: str
) -> None:
    first = apply_job(client, name, RUN).outcome
    controller.says(TRAINING, name, [], trainingJobStatus=said)
    cleared = replace(RUN, tried=replace(RUN.tried, number=2, max_tries=3))
    second = apply_job(client, name, cleared)
    assert second.changed
    assert second.outcome.uid != first.uid
    again = apply_job(client, name, replace(cleared, tried=replace(cleared.tried, number=3)))
    assert (again.changed, again.outcome.uid) == (False, second.outcome.uid)


def test_a_job_of_a_name_that_sagemaker_has_is_refused_and_asked_for_again(
    client: KubeClient, controller: Controller, name: str
) -> None:
    apply_job(client, name, RUN)
    controller.says(
        TRAINING, name, FOREIGN, trainingJobStatus="Completed", ackResourceMetadata=in_aws("training-job", name)
    )
    assert classify(client.get(TRAINING, name, NAMESPACE)).state is State.REFUSED
    again = apply_job(client, name, RUN)
    assert (again.changed, again.outcome.state) == (True, State.UNSEEN)


def test_a_job_that_is_being_deleted_is_made_anew_once_it_is_gone(
    client: KubeClient, controller: Controller, name: str
) -> None:
    first = apply_job(client, name, RUN).outcome
    controller.takes_up(TRAINING, name)
    client.delete(TRAINING, name, NAMESPACE)
    letting_go = threading.Timer(0.2, controller.lets_go, (TRAINING, name))
    letting_go.start()
    second = apply_job(client, name, RUN)
    letting_go.join()
    assert second.changed
    assert second.outcome.uid != first.uid


class LettingGo(logging.Handler):
    """The controller lets a resource go once it is waited for."""

    def __init__(self, controller: Controller, kind: Kind, name: str) -> None:
        super().__init__()
        self.controller, self.kind, self.resource = controller, kind, name
        self.waited = False

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting until it is gone" in record.getMessage() and not self.waited:
            self.waited = True
            self.controller.lets_go(self.kind, self.resource)


@pytest.fixture
def letting_go(controller: Controller, name: str, request: pytest.FixtureRequest) -> Iterator[LettingGo]:
    handler = LettingGo(controller, request.param, name)
    level = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    yield handler
    LOG.setLevel(level)
    LOG.removeHandler(handler)


@pytest.mark.parametrize("letting_go", [TRAINING], indirect=True)
def test_a_clear_waits_until_the_controller_has_let_a_job_go_that_has_ended(
    client: KubeClient, controller: Controller, name: str, letting_go: LettingGo
) -> None:
    """It goes on saying Completed until then."""
    first = apply_job(client, name, RUN).outcome
    controller.synced(TRAINING, name, trainingJobStatus="Completed")
    second = apply_job(client, name, replace(RUN, tried=replace(RUN.tried, number=2, max_tries=3)))
    assert letting_go.waited
    assert second.changed
    assert second.outcome.uid != first.uid


@pytest.mark.parametrize("letting_go", [FEATURES], indirect=True)
def test_a_kept_thing_that_has_failed_and_is_being_deleted_is_made_anew(
    client: KubeClient, controller: Controller, name: str, letting_go: LettingGo
) -> None:
    """It goes on saying CreateFailed until it is gone."""
    manifest = resource_manifest(
        FEATURES.kind,
        name,
        NAMESPACE,
        {**SPECS[FEATURES.kind], "featureGroupName": name},
        labels={},
        annotations={},
    )
    first = apply_resource(client, FEATURES, manifest, log=LOG).outcome
    controller.synced(FEATURES, name, featureGroupStatus="CreateFailed")
    client.delete(FEATURES, name, NAMESPACE)
    second = apply_resource(client, FEATURES, manifest, log=LOG)
    assert letting_go.waited
    assert second.changed
    assert second.outcome.uid != first.uid


def test_a_user_stops_the_job_of_this_run_alone(client: KubeClient, controller: Controller, name: str) -> None:
    apply_job(client, name, RUN)
    stop_run(client, NAMESPACE, TUESDAY, kind=TRAINING, log=LOG)
    assert client.get(TRAINING, name, NAMESPACE)
    controller.synced(TRAINING, name, trainingJobStatus="Completed")
    stop_run(client, NAMESPACE, MONDAY, kind=TRAINING, log=LOG)
    assert "deletionTimestamp" not in client.get(TRAINING, name, NAMESPACE)["metadata"], "it has ended"
    controller.synced(TRAINING, name, trainingJobStatus="InProgress")
    stop_run(client, NAMESPACE, MONDAY, kind=TRAINING, log=LOG)
    assert "deletionTimestamp" in client.get(TRAINING, name, NAMESPACE)["metadata"]
    controller.lets_go(TRAINING, name)
    stop_run(client, NAMESPACE, MONDAY, kind=TRAINING, log=LOG)


def test_a_job_that_nobody_takes_up_is_withdrawn(client: KubeClient, controller: Controller, name: str) -> None:
    made = apply_job(client, name, RUN).outcome
    controller.takes_up(TRAINING, name)
    left = withdraw(client, made, log=LOG)
    assert left is not None
    assert left.state is State.IN_PROGRESS
    controller.lets_go(TRAINING, name)
    assert withdraw(client, made, log=LOG) is None
    with pytest.raises(NotFound):
        client.get(TRAINING, name, NAMESPACE)


def _applied(client: KubeClient, kind: Kind, name: str, spec: Mapping[str, Any]) -> Outcome:
    manifest = resource_manifest(kind.kind, name, NAMESPACE, spec, labels={}, annotations={}, identity=MONDAY)
    return apply_resource(client, kind, manifest, log=LOG).outcome


def test_what_is_synced_at_once_stays_in_the_task_and_what_takes_minutes_does_not(
    client: KubeClient, controller: Controller, name: str
) -> None:
    def shortly(kind: Kind, made: Outcome, goal: Goal = Goal.FINISHED) -> tuple[Outcome, Verdict | None]:
        return wait_shortly(
            client, kind, made, deadlines=Deadlines(), goal=goal, poll_interval=1.0, on_change=seen.append, seconds=60.0
        )

    seen: list[Outcome] = []
    made = _applied(client, MODEL, name, {"modelName": name})
    timer = threading.Timer(0.3, controller.synced, (MODEL, name), {"ackResourceMetadata": in_aws("model", name)})
    timer.start()
    outcome, verdict = shortly(MODEL, made)
    timer.join()
    assert (outcome.state, verdict) == (State.SUCCEEDED, Verdict.REACHED)
    assert seen

    made = _applied(client, ENDPOINT, name, {"endpointName": name, "endpointConfigName": name})
    creating = {"endpointStatus": "Creating", "ackResourceMetadata": in_aws("endpoint", name)}
    controller.takes_up(ENDPOINT, name)
    controller.says(ENDPOINT, name, [{"type": "ACK.ResourceSynced", "status": "False"}], **creating)
    outcome, verdict = shortly(ENDPOINT, made)
    assert (outcome.sagemaker_status, verdict) == ("Creating", None)

    client.delete(ENDPOINT, name, NAMESPACE)
    timer = threading.Timer(0.3, controller.lets_go, (ENDPOINT, name))
    timer.start()
    outcome, verdict = shortly(ENDPOINT, outcome, Goal.GONE)
    timer.join()
    assert (outcome.gone, verdict) == (True, Verdict.REACHED)
    wait_until(lambda: not client.list(ENDPOINT, NAMESPACE, field_selector=f"metadata.name={name}").items, 120, "gone")
