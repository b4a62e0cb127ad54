"""Every kind on the sandbox's controller: its success and each of its failures, as `classify` reads them.

All resources live at once in one cluster and are looked at once an hour of theirs has passed, so that a kind costs
little. What the real controller wrote of some of them is in ``test_lifecycle_recordings``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import KINDS, Kind, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
from airflow_ack_sagemaker.sandbox.controller import Controller
from tests.contract.servers import MERGE, fresh_namespace
from tests.sandbox.conftest import client
from tests.sandbox.definitions import ROLE
from tests.sandbox.specs import SPECS
from tests.sandbox.test_things import before, make
from tests.sandbox.world import Object, World, conditions
from tests.support.api_servers import COLUMNS

WHY = "for a reason"
SECOND = {
    "Endpoint": {"endpointConfigName": "second"},
    "Domain": {"defaultUserSettings": {"executionRole": f"{ROLE}-2"}},
    "UserProfile": {"userSettings": {"executionRole": f"{ROLE}-2"}},
    "Space": {"spaceDisplayName": "second"},
    "Project": {"projectDescription": "second"},
    "InferenceComponent": {"runtimeConfig": {"copyCount": 2}, "specification": {"modelName": "second"}},
    "MonitoringSchedule": {
        "monitoringScheduleConfig": {
            **SPECS["MonitoringSchedule"]["monitoringScheduleConfig"],
            "scheduleConfig": {"scheduleExpression": "cron(0 0 ? * * *)"},
        }
    },
    "ModelPackage": {"modelApprovalStatus": "Approved"},
}
"""A change of each kind that has an update worth a test."""


@dataclass(frozen=True)
class Life:
    """A resource of a kind, the status that a script leads it to (None: it does well), and when."""

    kind: Kind
    status: str | None = None
    updated: bool = False

    @property
    def name(self) -> str:
        said = "good" if self.status is None else self.status.lower().replace("_", "-")
        return f"{'updated-' if self.updated else ''}{said}"[:32]

    @property
    def thing(self) -> str:
        """Its name in SageMaker, or that of the group of a version."""
        return f"group-{self.name}" if self.kind.kind == "ModelPackage" else self.name

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"


def lives() -> list[Life]:
    """The success of each kind, with and without an update, and each failure of a creation or an update."""
    found = []
    for kind in map(kind_of, SPECS):
        found.append(Life(kind))
        if kind.kind in SECOND:
            found.append(Life(kind, updated=True))
        for status in sorted(kind.failed | kind.stopped):
            if not status.startswith("Delete") and (kind.kind, status) not in ENDS_OF_DELETIONS_AND_STOPS:
                found.append(Life(kind, status, updated=status.startswith("Update")))
    return found


# A schedule and a notebook instance are stopped by a request of their own, which the controller never sends.
ENDS_OF_DELETIONS_AND_STOPS = {("MonitoringSchedule", "Stopped"), ("NotebookInstance", "Stopped")}
LIVES = lives()


@dataclass
class Lived:
    """What became of a resource."""

    resource: Object
    outcome: Outcome


@pytest.fixture(scope="module", params=COLUMNS)
def lived(request: pytest.FixtureRequest) -> Iterator[dict[Life, Lived]]:
    """All lives, on each API server."""
    server, clock = request.getfixturevalue(f"{request.param}_server"), ManualClock()
    namespace = fresh_namespace(server).name
    rules = [f"{life.kind.singular}/{life.thing}={life.status}:{WHY}" for life in LIVES if life.status is not None]
    with (
        AwsEndpoint(clock=clock, script=Script(rules)) as endpoint,
        Controller(server.kubeconfig, endpoint.url, clock, namespace=namespace) as controller,
    ):
        sagemaker = client("sagemaker", endpoint.url)
        world = World(server, namespace, endpoint, controller, clock, sagemaker, tuple(map(kind_of, SPECS)))
        domain = before(sagemaker, clock)
        make(sagemaker, "Model", modelName="second")
        make(sagemaker, "EndpointConfig", endpointConfigName="second")
        for life in LIVES:
            if life.kind.kind == "ModelPackage":
                make(sagemaker, "ModelPackageGroup", modelPackageGroupName=life.thing)
        for life in LIVES:
            world.apply(life.kind, life.name, **spec_of(life, domain))
        _pass(world)
        for life in LIVES:
            if life.updated:
                path = world.path(life.kind, life.name)
                server.done("PATCH", path, {"spec": SECOND[life.kind.kind]}, media=MERGE, fieldManager="kubectl-patch")
        _pass(world)
        found = {life: world.get(life.kind, life.name) for life in LIVES}
        yield {life: Lived(resource, classify(resource)) for life, resource in found.items()}
        sagemaker.close()


def spec_of(life: Life, domain: str) -> dict[str, Any]:
    """The spec of its kind, under its own name."""
    spec = dict(SPECS[life.kind.kind])
    if life.kind.kind == "ModelPackage":
        return {**spec, "modelPackageGroupName": life.thing}
    if "domainID" in spec:
        spec["domainID"] = domain
    return {**spec, str(life.kind.name_field): life.name}


def _pass(world: World) -> None:
    """Let two minutes pass, look by look."""
    for _ in range(4):
        world.settle()
        world.advance(31)
    world.settle()
    world.idle()


@pytest.mark.parametrize("life", LIVES, ids=str)
def test_it_ends_as_sagemaker_says(lived: dict[Life, Lived], life: Life) -> None:
    found = lived[life].outcome
    expected = State.SUCCEEDED
    if life.status is not None:
        expected = State.STOPPED if life.status in life.kind.stopped else State.FAILED
    assert (found.state, found.sagemaker_status if life.status else None) == (expected, life.status)
    assert found.arn
    if expected is State.FAILED and life.kind.kind not in TELL_NO_REASON:
        assert found.reason is not None
        assert WHY in found.reason


# The API model has no reason of failure for these, and so has no status of theirs.
TELL_NO_REASON = frozenset(
    kind.kind
    for kind in KINDS.values()
    if kind.kind in SPECS and kind.kind in {"App", "Domain", "ModelPackageGroup", "Project", "UserProfile"}
)


@pytest.mark.parametrize("life", LIVES, ids=str)
def test_the_controller_says_what_it_says_of_the_kind(lived: dict[Life, Lived], life: Life) -> None:
    resource = lived[life].resource
    assert resource["metadata"]["finalizers"] == [f"finalizers.sagemaker.services.k8s.aws/{life.kind}"]
    found = conditions(resource["status"])
    if life.kind.kind == "Endpoint" and life.updated and life.status is not None:
        # It still asks for the configuration that has failed, which the controller does not send again.
        assert "EndpointUpdateError" in found["ACK.Terminal"][2]
        assert found["ACK.ResourceSynced"] == ("False", None, found["ACK.Terminal"][2])
        return
    assert found["ACK.ResourceSynced"][0] == "True"
    gives_up = life.status in GIVES_UP.get(life.kind.kind, ())
    assert ("ACK.Terminal" in found) == gives_up
    if gives_up:
        assert found["ACK.Terminal"][2].endswith(f"reached terminal state: {life.status}. Check the FailureReason.")


GIVES_UP = {
    "Endpoint": ("Failed",),
    "InferenceComponent": ("Failed",),
    "ModelPackage": ("Failed",),
    "MonitoringSchedule": ("Failed",),
    "FeatureGroup": ("CreateFailed",),
}
"""The statuses of failure that the controller makes ``ACK.Terminal`` of; of others it says that they are synced."""


@pytest.mark.parametrize("life", [life for life in LIVES if life.kind.results and life.status is None], ids=str)
def test_what_came_of_it_is_told(lived: dict[Life, Lived], life: Life) -> None:
    # A package that is well has no details.
    assert lived[life].outcome.results or life.kind.kind == "ModelPackage"
