"""What others have written does nothing to the terminal of whoever looks at it, by whichever command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from harness.sandbox_process import SandboxProcess
from tests.cli.world import DEFINITION, ROLE, Cli

HOSTILE = "\x1b]0;mine\x07\x1b[2J\x9b31m\u202egnp.exe\x7f\r"
NAME = "hostile"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A cluster without a controller, in which somebody has written into each text that is theirs to write."""
    with (
        SandboxProcess(tmp_path_factory.mktemp("hostile"), "--components", "kubernetes") as running,
        running.kubernetes_client() as client,
    ):
        base = f"/apis/{API_VERSION}/namespaces/default"
        document = json.loads(DEFINITION)
        document["Steps"][0]["DisplayName"] = document["Steps"][0]["Arguments"]["Text"] = HOSTILE
        identity = RunIdentity(f"dag{HOSTILE}", f"run{HOSTILE}", f"task{HOSTILE}")
        pipeline = PipelineSpec(NAME, ROLE, json.dumps(document)).manifest("default")
        spec = ExecutionSpec(NAME, [{"name": "P", "value": HOSTILE}])
        execution = spec.manifest("default", identity, attempt=1, tried=Try())
        execution["metadata"]["name"] = NAME
        condition = {"type": "ACK.Terminal", "status": "True", "message": HOSTILE, "reason": HOSTILE}
        said = {
            "ackResourceMetadata": {"arn": HOSTILE, "region": HOSTILE, "ownerAccountID": "1"},
            "conditions": [condition],
        }
        for manifest, plural, more in (
            (pipeline, "pipelines", {"pipelineStatus": HOSTILE}),
            (execution, "pipelineexecutions", {"pipelineExecutionStatus": "Failed", "failureReason": HOSTILE}),
        ):
            manifest["metadata"].setdefault("annotations", {})["note"] = HOSTILE
            client.post(f"{base}/{plural}", json=manifest).raise_for_status()
            headers = {"Content-Type": "application/merge-patch+json"}
            body = json.dumps({"status": {**said, **more}})
            client.patch(f"{base}/{plural}/{NAME}/status", content=body, headers=headers).raise_for_status()
        yield running


@pytest.fixture
def cli(sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("KUBECONFIG", str(sandbox.kubeconfig))
    return Cli(capsys, monkeypatch)


def obeyed(text: str) -> list[str]:
    """What a terminal would take for more than text."""
    return [one for one in text if not (one.isprintable() or one in "\n\t")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"], ["list", "-o", "json"], ["list", "-o", "yaml"], ["list", "-o", "name"], ["list", "pipelines"],
        ["get", f"pipelineexecution/{NAME}", "-o", "json"], ["get", f"pipelineexecution/{NAME}", "-o", "yaml"],
        ["get", f"pipeline/{NAME}", "-o", "yaml"], ["get", f"pipeline/{NAME}"],
        ["describe", f"pipelineexecution/{NAME}"], ["describe", f"pipeline/{NAME}"],
        ["wait", f"pipelineexecution/{NAME}"], ["watch", NAME], ["watch", NAME, "-o", "json"],
        ["doctor"], ["doctor", "-o", "json"], ["collect", "--dry-run", "client"],
        ["get", f"pipelineexecution/{HOSTILE}"], ["list", "--pipeline", HOSTILE], ["list", HOSTILE],
    ],
    ids=lambda arguments: " ".join(arguments).encode("unicode_escape").decode()[:40],
)  # fmt: skip
def test_of_a_cluster(cli: Cli, arguments: list[str]) -> None:
    said = cli(*arguments)
    assert said.out + said.err
    assert obeyed(said.out + said.err) == []


@pytest.mark.parametrize("command", ["validate", "lint", "graph", "values", "render"])
def test_of_a_definition(cli: Cli, tmp_path: Path, command: str) -> None:
    document: dict[str, Any] = json.loads(DEFINITION)
    document["Steps"][0]["Name"] = document["Steps"][1]["DependsOn"][0] = HOSTILE
    document["Steps"][1]["Arguments"]["M"] = {"Get": f"Steps.{HOSTILE}"}
    path = tmp_path / "definition.json"
    path.write_text(json.dumps(document))
    more = ["--pipeline", "p", "--role-arn", ROLE] if command == "render" else []
    said = cli(command, str(path), *more)
    assert said.out + said.err
    assert obeyed(said.out + said.err) == []


def test_what_is_read_again_is_what_it_was(cli: Cli) -> None:
    import yaml

    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        found = read(cli.done("get", f"pipelineexecution/{NAME}", "-o", form).out)
        (one,) = found if isinstance(found, list) else [found]
        assert one["status"]["failureReason"] == HOSTILE
