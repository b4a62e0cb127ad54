"""The lease of a Pipeline: a holder that works keeps it, one that has died holds nobody up for long."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.runs.lease import ANNOTATION_LEASE, LEASE_SECONDS, Lease, LeaseWait, held
from harness.waiting import wait_until

LOG = logging.getLogger(__name__)
NAMESPACE = "default"


@pytest.fixture
def client(cluster: ClusterConfig) -> Iterator[KubeClient]:
    with KubeClient(cluster) as client:
        yield client


@pytest.fixture
def name(client: KubeClient) -> str:
    """A Pipeline that only this test uses."""
    name = f"lease-{uuid.uuid4().hex[:8]}"
    spec = {"pipelineName": name, "roleARN": "arn:aws:iam::123456789012:role/pipelines", "pipelineDefinition": "{}"}
    client.create(PIPELINE, {"apiVersion": API_VERSION, "kind": "Pipeline", "metadata": {"name": name}, "spec": spec})
    return name


def held_by(lease: Lease | str | None) -> dict[str, Any]:
    text = lease.text if isinstance(lease, Lease) else lease
    return {"metadata": {"name": "p", "annotations": {} if text is None else {ANNOTATION_LEASE: text}}}


def renewals(client: KubeClient, name: str) -> int | None:
    """How often the lease was renewed; None: nobody holds it."""
    text = fields.annotation(client.get(PIPELINE, name, NAMESPACE), ANNOTATION_LEASE)
    return None if text is None else int(json.loads(text)["renewal"])


def test_a_lease_that_is_not_renewed_is_over_after_its_seconds_on_the_clock_of_whoever_waits() -> None:
    now = 1_000.0
    turn, lease = LeaseWait(clock=lambda: now), Lease("theirs", "another run")
    assert turn.held_by(held_by(lease)) == "another run"
    now += LEASE_SECONDS - 1
    assert turn.held_by(held_by(lease)) == "another run"
    now += 1
    assert turn.held_by(held_by(lease)) is None


def test_a_lease_that_is_renewed_counts_from_then() -> None:
    now = 1_000.0
    turn, lease = LeaseWait(clock=lambda: now), Lease("theirs", "another run")
    for _ in range(5):
        assert turn.held_by(held_by(lease)) == "another run"
        now += LEASE_SECONDS - 1
        lease = lease.renewed()
    assert turn.held_by(held_by(lease)) == "another run"


def test_the_next_try_does_not_wait_for_what_its_former_one_has_held() -> None:
    lease = Lease("of the try that died", "this run")
    assert LeaseWait("of this try", "this run").held_by(held_by(lease)) is None
    assert LeaseWait("of this try", "another run").held_by(held_by(lease)) == "this run"
    assert LeaseWait().held_by(held_by(Lease("theirs", ""))) == "", "who has no name is somebody else all the same"


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "7", '{"token": "t", "by": "b", "seconds": "x"}', "[" * 9999])
def test_nonsense_holds_nobody_up(text: str | None) -> None:
    assert LeaseWait().held_by(held_by(text)) is None


def test_a_lease_cannot_be_given_for_longer_than_ours_last() -> None:
    now = 1_000.0
    turn, lease = LeaseWait(clock=lambda: now), Lease("theirs", "another run", seconds=1e9)
    turn.held_by(held_by(lease))
    now += LEASE_SECONDS
    assert turn.held_by(held_by(lease)) is None


def test_a_holder_renews_it_while_it_works_and_gives_it_back(client: KubeClient, name: str) -> None:
    with held(client, name, NAMESPACE, by="this run", log=LOG, every=0.02):
        wait_until(lambda: (renewals(client, name) or 0) >= 3, 120, "three renewals")
    assert renewals(client, name) is None


def test_a_lease_that_somebody_else_has_taken_is_left_alone(client: KubeClient, name: str) -> None:
    theirs = Lease("theirs", "another run")
    with held(client, name, NAMESPACE, by="this run", log=LOG, every=0.02):
        body = {"metadata": {"annotations": {ANNOTATION_LEASE: theirs.text}}}
        client.patch(PIPELINE, name, body, NAMESPACE)
    assert renewals(client, name) == 0
    live = client.get(PIPELINE, name, NAMESPACE)
    assert LeaseWait().held_by(live) == "another run"
