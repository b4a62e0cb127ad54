"""A Pipeline whose status does not tell whether it answers the last change: SageMaker is asked, nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_ack_sagemaker.core.resource.freshness import answered
from harness.plain_client import connect
from harness.waiting import HUNG, wait_until
from tests.cli.world import DEFINITION, Cli, started
from tests.support.gitops import GitOps

DEAD = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.fixture
def gitops(cli: Cli, request: pytest.FixtureRequest) -> Iterator[GitOps]:
    """A Pipeline that was made and changed by kubectl, and then labelled."""
    world = cli.world
    assert world is not None
    controller = world.sandbox.controller
    assert controller is not None
    name = request.node.originalname.replace("_", "-")[:40].strip("-")
    with connect(world.kubeconfig) as client, world.sagemaker() as sagemaker:
        somebody = GitOps(client, sagemaker, world.namespace, name, DEFINITION)
        for description in ("first", "second"):
            somebody.apply(pipelineDescription=description)
            somebody.synced(description)
        wait_until(lambda: controller.idle, HUNG, "the controller to have done its work")
        somebody.label()
        assert not answered(somebody.live)
        yield somebody


@pytest.fixture
def busy(cli: Cli, gitops: GitOps) -> Iterator[None]:
    """A controller that does not come round to anything."""
    assert cli.world is not None
    controller = cli.world.sandbox.controller
    assert controller is not None
    controller.pause()
    wait_until(lambda: controller.resting, HUNG, "the controller to rest")
    yield
    controller.resume()


def test_what_sagemaker_has_is_as_asked_for(cli: Cli, gitops: GitOps) -> None:
    said = cli.done("wait", f"pipeline/{gitops.name}", "-o", "json")
    assert [(row["name"], row["state"]) for row in said.json] == [(gitops.name, "Succeeded")]
    assert "SageMaker has what it asks for" in said.err
    assert cli.done("run", gitops.name, "-o", "json").json[0]["state"] == "Succeeded"
    assert cli.world is not None
    path = cli.world.folder / "same.yaml"
    path.write_text(json.dumps({**gitops.live, "kind": "Pipeline"}))
    again = cli.done("apply", str(path), "-o", "json")
    assert "is as it should be" in again.err
    assert again.json[0]["state"] == "Succeeded"


def test_what_sagemaker_does_not_have_is_no_success(cli: Cli, gitops: GitOps, busy: None) -> None:
    gitops.apply(pipelineDefinition=DEFINITION.replace("Prepare", "Clean"))
    said = cli("wait", f"pipeline/{gitops.name}", "--timeout", "1", "-o", "json")
    assert (said.status, said.json[0]["state"]) == (5, "Unseen")
    assert cli("run", gitops.name, "--no-wait").status == 1
    assert cli.done("list", "--pipeline", gitops.name, "-o", "json").json == []


def test_it_is_a_success_as_soon_as_sagemaker_has_it(cli: Cli, gitops: GitOps, busy: None) -> None:
    """Nothing of the resource changes meanwhile."""
    description = "changed by hand, too"
    gitops.apply(pipelineDescription=description)
    assert cli.world is not None
    process = started(cli.world, "wait", f"pipeline/{gitops.name}", "-o", "name")
    assert process.stderr is not None
    assert "Active" in process.stderr.readline()
    gitops.sagemaker.update_pipeline(PipelineName=gitops.name, PipelineDescription=description)
    out, err = process.communicate(timeout=HUNG)
    assert (process.returncode, out) == (0, f"pipeline/{gitops.name}\n"), err


def test_where_sagemaker_cannot_be_asked_it_is_said(cli: Cli, gitops: GitOps) -> None:
    said = cli("wait", f"pipeline/{gitops.name}", "--timeout", "1", "-o", "json", environment=DEAD)
    assert (said.status, said.json[0]["state"]) == (5, "Unseen")
    assert "cannot be asked (DescribePipeline)" in said.err
    assert "change a field of the spec" in said.err
