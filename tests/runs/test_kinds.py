"""What a kind can and cannot do, on the sandbox's controller: applied, refused before it is written, deleted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import KINDS, Kind
from airflow_ack_sagemaker.core.resource.manifest import SpecError, resource_manifest
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.runs.apply import Applied, apply_resource
from airflow_ack_sagemaker.runs.dependents import dependents
from airflow_ack_sagemaker.runs.rollout import write_down_serving
from airflow_ack_sagemaker.testing import AckSandbox
from harness.waiting import HUNG, wait_until
from tests.sandbox.specs import SPECS

LOG = logging.getLogger(__name__)
NAMESPACE = "default"
MODEL, CONFIG, ENDPOINT = KINDS["Model"], KINDS["EndpointConfig"], KINDS["Endpoint"]
GROUP, PACKAGE = KINDS["ModelPackageGroup"], KINDS["ModelPackage"]


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[AckSandbox]:
    """A sandbox, 600 times as fast as real time, or as often as is asked for."""
    with AckSandbox(speed=getattr(request, "param", 600)) as sandbox:
        yield sandbox


def apply(cluster: AckSandbox, kind: Kind, name: str = "before", **changes: Any) -> Applied:
    spec = {
        **SPECS[kind.kind],
        **({kind.name_field: name} if kind is not PACKAGE and kind.name_field else {}),
        **changes,
    }
    manifest = resource_manifest(kind.kind, name, NAMESPACE, spec, labels={}, annotations={})
    return apply_resource(cluster.client, kind, manifest, log=LOG)


def until(cluster: AckSandbox, kind: Kind, name: str, goal: Goal = Goal.FINISHED) -> tuple[Outcome, Verdict]:
    return wait(
        cluster.client,
        kind,
        name,
        namespace=NAMESPACE,
        uid=None,
        deadlines=Deadlines(),
        goal=goal,
        poll_interval=1.0,
    )


def done(cluster: AckSandbox, kind: Kind, name: str = "before", **changes: Any) -> Outcome:
    """Apply, and wait until it is well."""
    apply(cluster, kind, name, **changes)
    outcome, _ = until(cluster, kind, name)
    assert outcome.state is State.SUCCEEDED, outcome
    return outcome


def test_a_model_is_never_edited_and_its_tags_are_not_written(cluster: AckSandbox) -> None:
    done(cluster, MODEL)
    live = cluster.client.get(MODEL, "before", NAMESPACE)
    assert live["spec"]["enableNetworkIsolation"] is False, "the controller has filled it in"
    assert not apply(cluster, MODEL).changed
    assert not apply(cluster, MODEL, tags=[{"key": "team", "value": "search"}]).changed
    with pytest.raises(SpecError, match="primaryContainer, and a Model is never edited: give it a new name"):
        apply(cluster, MODEL, primaryContainer={"image": "2.dkr.ecr.us-east-1.amazonaws.com/x:2"})
    assert cluster.client.get(MODEL, "before", NAMESPACE)["metadata"]["generation"] == live["metadata"]["generation"]


@pytest.mark.parametrize("cluster", [10], indirect=True)
def test_a_token_goes_once_the_version_is_made(cluster: AckSandbox) -> None:
    """The controller writes at each look, so it looks every three seconds here: an update waits for a second of its
    own.
    """
    done(cluster, GROUP)
    apply(cluster, PACKAGE, "version", clientToken="run-1")
    started, _ = until(cluster, PACKAGE, "version", Goal.STARTED)
    assert started.arn is not None
    assert apply(cluster, PACKAGE, "version", clientToken="run-1").changed
    assert "clientToken" not in cluster.client.get(PACKAGE, "version", NAMESPACE)["spec"]
    outcome, _ = until(cluster, PACKAGE, "version")
    assert (outcome.state, outcome.sagemaker_status) == (State.SUCCEEDED, "Completed")
    assert not apply(cluster, PACKAGE, "version", clientToken="run-1").changed
    with pytest.raises(SpecError, match="of a ModelPackage it changes only approvalDescription"):
        apply(cluster, PACKAGE, "version", modelPackageDescription="other")


def test_a_deletion_that_is_refused_ends_at_once_and_names_what_is_in_the_way(cluster: AckSandbox) -> None:
    done(cluster, GROUP)
    cluster.boto3("sagemaker").create_model_package(ModelPackageGroupName="before")
    cluster.client.delete(GROUP, "before", NAMESPACE)
    outcome, verdict = until(cluster, GROUP, "before", Goal.GONE)
    assert (outcome.state, verdict) == (State.REFUSED, Verdict.REACHED)
    assert "is not empty" in (outcome.reason or "")
    assert "model packages" in (outcome.remedy or "")


def test_who_is_in_the_way_is_known_before(cluster: AckSandbox) -> None:
    done(cluster, MODEL)
    done(cluster, CONFIG)
    done(cluster, ENDPOINT, "serving")
    model, config = (cluster.client.get(kind, "before", NAMESPACE) for kind in (MODEL, CONFIG))
    assert dependents(cluster.client, model, log=LOG) == "endpointconfig/before"
    assert dependents(cluster.client, config, log=LOG) == "endpoint/serving"
    assert dependents(cluster.client, cluster.client.get(ENDPOINT, "serving", NAMESPACE), log=LOG) is None


def test_an_endpoint_that_went_back_is_no_success(cluster: AckSandbox) -> None:
    done(cluster, MODEL)
    done(cluster, CONFIG)
    done(cluster, CONFIG, "bad")
    done(cluster, ENDPOINT, "serving")
    cluster.script("endpointconfig/bad=rollback:no ping")
    apply(cluster, ENDPOINT, "serving", endpointConfigName="bad")
    outcome, _ = until(cluster, ENDPOINT, "serving")
    assert outcome.state is State.REFUSED
    assert "latest EndpointConfigName is before" in (outcome.reason or "")
    assert classify(cluster.client.get(ENDPOINT, "serving", NAMESPACE)).sagemaker_status == "InService"
    for name in ("before", "bad"):
        config = cluster.client.get(CONFIG, name, NAMESPACE)
        assert dependents(cluster.client, config, log=LOG) == "endpoint/serving", "what serves is needed, too"


def test_what_serves_while_an_update_runs_is_in_the_way(cluster: AckSandbox) -> None:
    done(cluster, MODEL)
    done(cluster, CONFIG)
    done(cluster, CONFIG, "next")
    done(cluster, ENDPOINT, "serving")
    write_down_serving(cluster.client, "serving", "before", NAMESPACE, log=LOG)
    cluster.script("endpointconfig/next=hold")
    apply(cluster, ENDPOINT, "serving", endpointConfigName="next")
    wait_until(
        lambda: classify(cluster.client.get(ENDPOINT, "serving", NAMESPACE)).sagemaker_status == "Updating",
        HUNG,
        "the update",
    )
    assert dependents(cluster.client, cluster.client.get(CONFIG, "before", NAMESPACE), log=LOG) == "endpoint/serving"
