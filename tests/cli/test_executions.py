"""The commands about executions and resources, from a definition to the end: a controller answers each of them."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.cli.app import InputError
from airflow_ack_sagemaker.cli.launching import spec_again
from harness.plain_client import connect
from harness.waiting import HUNG, wait_until
from tests.cli.here import Here
from tests.cli.world import ROLE, Cli, World, started
from tests.core.resources import condition, execution
from tests.kube.objects import kubeconfig as kubeconfig_of
from tests.kube.objects import stored
from tests.kube.servers import HttpServer

EXECUTION_FIELDS = {
    "resource", "kind", "name", "namespace", "state", "status", "reason", "remedy", "arn", "region", "created",
    "pipeline", "parameters", "attempt", "started", "ended", "duration", "dag_id", "run_id", "task_id", "launched_by",
}  # fmt: skip
"""What docs/cli.md promises of an execution."""


@pytest.fixture
def pipeline(cli: Cli, request: pytest.FixtureRequest) -> str:
    """A pipeline of the test's own, synced."""
    world = world_of(cli)
    name = request.node.originalname.replace("_", "-")[:40].strip("-")
    cli.done("apply", str(world.definition), "--pipeline", name, "--role-arn", ROLE)
    return str(name)


def world_of(cli: Cli) -> World:
    assert cli.world is not None
    return cli.world


def script(cli: Cli, rule: str) -> None:
    world_of(cli).sandbox.script.add(rule)


def test_apply_twice_and_dry(cli: Cli) -> None:
    world = world_of(cli)
    options = ["--pipeline", "Applied", "--role-arn", ROLE]
    dry = cli.done("apply", str(world.definition), *options, "--dry-run", "server", "-o", "json")
    assert dry.json[0]["name"] == "applied"
    assert cli("get", "pipeline/applied").status == 1, "a dry run stores nothing"
    client = cli.done("apply", str(world.definition), *options, "--dry-run", "client", "-o", "json")
    assert client.json["spec"]["pipelineName"] == "Applied"
    assert cli("get", "pipeline/applied").status == 1
    assert cli.done("apply", str(world.definition), *options, "-o", "json").json[0]["status"] == "Active"
    again = cli.done("apply", str(world.definition), *options)
    assert "pipeline/applied is as it should be." in again.err
    refused = cli("apply", str(world.definition), "--pipeline", "Applied", "--role-arn", "no-arn")
    assert refused.status == 2
    assert "role_arn 'no-arn' is not the ARN of an IAM role" in refused.err


def test_apply_manifests(cli: Cli) -> None:
    world = world_of(cli)
    rendered = cli.done("render", str(world.definition), "--pipeline", "manifest", "--role-arn", ROLE)
    path = world.folder / "manifest.yaml"
    path.write_text(rendered.out)
    assert cli.done("apply", str(path), "-o", "name").out == "pipeline/manifest\n"
    assert cli.done("diff", "pipeline/manifest", str(world.definition)).out == ""
    wrong = cli("apply", str(world.definition))
    assert (wrong.status, "give --pipeline and --role-arn" in wrong.err) == (2, True)


WRONG = {
    "no items": "kind: List\nitems: null\n",
    "items are a number": "kind: List\nitems: 5\n",
    "a date": "kind: Pipeline\nmetadata: {name: x}\nspec: {pipelineName: 2026-01-01}\n",
    "no date": "kind: Pipeline\nmetadata: {name: x}\nspec: {pipelineName: 2026-13-41}\n",
    "spec is a number": "kind: Pipeline\nmetadata: {name: x}\nspec: 5\n",
    "name is a list": "kind: Pipeline\nmetadata: {name: [x]}\nspec: {}\n",
    "another kind": "kind: Pod\nmetadata: {name: x}\n",
    "no object": "- 5\n",
    "deep": "[" * 100_000,
    "binary": "\x00\x01",
    "empty": "",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_manifest_is_one_error(cli: Cli, what: str) -> None:
    path = world_of(cli).folder / "wrong.yaml"
    path.write_text(WRONG[what])
    said = cli("apply", str(path))
    assert (said.status, said.out, said.err.count("Error: ")) == (2, "", 1)
    assert str(path) in said.err or "'Pod' is not a kind" in said.err


def test_what_others_need_is_applied_first(cli: Cli) -> None:
    path = world_of(cli).folder / "several.yaml"
    name = "order"
    variant = {"variantName": "a", "modelName": name, "initialInstanceCount": 1, "instanceType": "ml.m5.large"}
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"
    specs = {
        "Endpoint": {"endpointName": name, "endpointConfigName": name},
        "EndpointConfig": {"endpointConfigName": name, "productionVariants": [variant]},
        "Model": {"modelName": name, "executionRoleARN": ROLE, "primaryContainer": {"image": image}},
    }
    manifests = [{"kind": kind, "metadata": {"name": name}, "spec": spec} for kind, spec in specs.items()]
    path.write_text(yaml.safe_dump_all(manifests))
    said = cli.done("apply", str(path), "--dry-run", "client", "-o", "name")
    assert said.out.split() == [f"{kind}/{name}" for kind in ("model", "endpointconfig", "endpoint")]


def test_run_follows_to_the_end(cli: Cli, pipeline: str) -> None:
    said = cli.done("run", pipeline, "-p", "Count=2", "-o", "json")
    (row,) = said.json
    assert set(row) == EXECUTION_FIELDS
    assert (row["state"], row["status"], row["pipeline"]) == ("Succeeded", "Succeeded", pipeline)
    assert row["parameters"] == {"Count": "2"}
    assert (row["launched_by"], row["dag_id"], row["attempt"]) == ("cli", None, 1)
    assert "  Train: Succeeded" in said.err
    live = cli.done("get", row["resource"], "-o", "json").json
    labels = live["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "airflow-ack-sagemaker"
    assert labels["airflow-ack-sagemaker/launched-by"] == "cli"
    assert "airflow-ack-sagemaker/identity" not in live["metadata"]["annotations"]


def test_parameters_come_from_flags_a_file_or_an_execution(cli: Cli, pipeline: str) -> None:
    path = world_of(cli).folder / "parameters.yaml"
    path.write_text("Count: 7\n")
    first = cli.done("run", pipeline, "--parameters", str(path), "-o", "json").json[0]
    assert first["parameters"] == {"Count": "7"}
    last = cli.done("run", pipeline, "--parameters-of", "last", "--no-wait", "-o", "json").json[0]
    assert last["parameters"] == {"Count": "7"}
    named = cli.done("run", pipeline, "--parameters-of", first["name"], "-p", "Count=8", "-o", "json").json[0]
    assert named["parameters"] == {"Count": "8"}
    wrong = cli("run", pipeline, "-p", "Cuont=8")
    assert (wrong.status, "Did you mean 'Count'?" in wrong.err) == (2, True)
    for text in ("- Count\n", "Count: 2026-13-41\n", "Count: 2026-12-05\n", "[" * 100_000, "Count: [1]\n"):
        path.write_text(text)
        assert cli("run", pipeline, "--parameters", str(path)).status == 2
    missing = cli("run", pipeline, "--parameters", "nobody.yaml")
    assert (missing.status, missing.err) == (2, "Error: nobody.yaml cannot be read: No such file or directory.\n")


def test_dry_runs_launch_nothing(cli: Cli, pipeline: str) -> None:
    for dry in ("client", "server"):
        said = cli.done("run", pipeline, "-p", "Count=3", "--dry-run", dry, "-o", "json").json
        assert said["spec"]["pipelineParameters"] == [{"name": "Count", "value": "3"}]
    assert cli.done("list", "--pipeline", pipeline, "-o", "json").json == []


def test_a_failed_execution_is_no_failed_command(cli: Cli, pipeline: str) -> None:
    script(cli, f"{pipeline}/Train#1=Failed:out of memory")
    failed = cli("run", pipeline, "-p", "Count=4", "-o", "json")
    assert failed.status == 3
    (row,) = failed.json
    assert row["state"] == "Failed"
    assert "  Train: Failed (ClientError: out of memory)" in failed.err
    assert cli("wait", row["name"]).status == 3
    assert cli("run", pipeline, environment={"KUBECONFIG": "/nonexistent"}).status == 2
    assert cli("wait", "nobody").status == 1
    again = cli.done("retry", row["name"], "--from-failed-step", "-o", "json")
    assert "Runs again: Train" in again.err
    (retried,) = again.json
    assert (retried["state"], retried["parameters"]) == ("Succeeded", {"Count": "4"})
    live = cli.done("get", retried["name"], "-o", "yaml")
    spec = yaml.safe_load(live.out)["spec"]
    assert spec["selectiveExecutionConfig"]["selectedSteps"] == [{"stepName": "Train"}]
    whole = cli.done("retry", row["name"], "-o", "json").json[0]
    assert whole["state"] == "Succeeded"
    refused = cli("retry", whole["name"])
    assert (refused.status, "has not failed" in refused.err) == (2, True)
    listed = cli.done("list", "--pipeline", pipeline, "--state", "failed", "--since", "1h", "-o", "name")
    assert listed.out == f"{row['resource']}\n"
    assert cli("list", "--state", "Broken").status == 2


def test_what_may_run_on_is_not_launched_again() -> None:
    given_up = condition("ACK.Terminal", "True", "it cannot be", at="2026-11-01T03:10:01Z")
    runs_on = execution(given_up, said="Executing", deletionTimestamp="2026-11-01T03:10:00Z", finalizers=["f"])
    with pytest.raises(InputError, match="may run on"):
        spec_again(runs_on)


def test_ctrl_c_leaves_it_running_and_stop_stops_it(cli: Cli, pipeline: str) -> None:
    world = world_of(cli)
    script(cli, f"{pipeline}/Prepare=hold")
    process = started(world, "run", pipeline, stderr=(out := (world.folder / "err").open("w")))
    try:
        err = world.folder / "err"
        wait_until(
            lambda: "Prepare: Executing" in err.read_text() or process.poll() is not None,
            HUNG,
            lambda: err.read_text(),
            every=0.05,
        )
        assert "Prepare: Executing" in err.read_text(), err.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(HUNG) == 130
    finally:
        process.kill()
        process.communicate()
        out.close()
    (row,) = cli.done("list", "--pipeline", pipeline, "-o", "json").json
    assert row["status"] == "Executing", "Ctrl-C stops nothing"
    assert f"Come back to it: ack-sagemaker wait pipelineexecution/{row['name']}" in err.read_text()
    assert cli("wait", row["name"], "--timeout", "1").status == 5
    busy = cli("delete", row["resource"])
    assert (busy.status, "To stop it: ack-sagemaker stop" in busy.err) == (2, True)
    for dry in ("client", "server"):
        (deed,) = cli.done("stop", row["name"], "--dry-run", dry, "-o", "json").json
        assert deed == {
            **{key: row[key] for key in ("resource", "kind", "name", "namespace")},
            "result": "would-be",
            "message": f"{row['resource']} would be stopped ({dry} dry run)",
        }
    assert cli.done("list", "--pipeline", pipeline, "-o", "json").json[0]["status"] == "Executing"
    waiting = started(world, "wait", row["name"], "--no-steps")
    assert waiting.stderr is not None
    try:
        assert waiting.stderr.readline().endswith(": Executing\n")
        (stopped,) = cli.done("stop", row["name"], "-o", "json").json
        assert (stopped["result"], stopped["message"].partition(":")[0]) == ("done", "Confirmed")
        waiting.communicate(timeout=HUNG)
        assert waiting.returncode == 4, "stopped is neither a success nor a failure"
    finally:
        waiting.kill()
        waiting.communicate()
    assert cli("stop", row["name"]).status == 1, "it is gone"


def test_a_namespace_that_retains_is_no_reason_to_run_on(cli: Cli, pipeline: str) -> None:
    """Then the controller lets go what is deleted, and SageMaker keeps it, running."""
    world = world_of(cli)
    script(cli, f"{pipeline}/Train=hold")

    def runs() -> bool:
        return bool(cli.done("get", name, "-o", "json").json.get("status", {}).get("pipelineExecutionStatus"))

    def has_stopped() -> bool:
        answer = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return bool(answer["PipelineExecutionStatus"] == "Stopped")

    with closing(connect(world.kubeconfig)) as client, world.sagemaker() as sagemaker:

        def policy(value: str | None) -> None:
            body = {"metadata": {"annotations": {"sagemaker.services.k8s.aws/deletion-policy": value}}}
            headers = {"Content-Type": "application/merge-patch+json"}
            where = f"/api/v1/namespaces/{world.namespace}"
            client.patch(where, content=json.dumps(body), headers=headers).raise_for_status()

        policy("retain")
        try:
            name = cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"]
            wait_until(runs, HUNG, "it to run")
            arn = cli.done("get", name, "-o", "json").json["status"]["ackResourceMetadata"]["arn"]
            cli("stop", name)  # it tells what it sees before the resource is gone, which a busy machine may miss
            wait_until(has_stopped, HUNG, "SageMaker to have stopped it")
        finally:
            policy(None)


def test_describe_says_what_matters(cli: Cli, pipeline: str) -> None:
    script(cli, f"{pipeline}/Prepare#1=Failed:no such image")
    name = cli("run", pipeline, "-o", "json").json[0]["name"]
    described = cli.done("describe", name, f"pipeline/{pipeline}", "-o", "json").json
    assert [one["kind"] for one in described] == ["PipelineExecution", "Pipeline"]
    assert set(described[0]) == EXECUTION_FIELDS | {
        "definition_source", "definition_version_id", "definition_sha256", "labels", "conditions", "steps",
    }  # fmt: skip
    steps = {step["name"]: step for step in described[0]["steps"]}
    assert (steps["Prepare"]["status"], steps["Prepare"]["reason"]) == ("Failed", "ClientError: no such image")
    assert set(steps["Prepare"]) == {"name", "type", "status", "started", "ended", "reason"}
    assert {one["type"] for one in described[0]["conditions"]} >= {"ACK.ResourceSynced"}
    text = cli.done("describe", name)
    assert "State:                  Failed" in text.out
    assert "  Prepare  Processing     Failed  ClientError: no such image" in text.out
    unasked = cli("describe", name, "-o", "json", environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert (unasked.status, unasked.json["steps"]) == (0, None)
    assert "Steps are not shown" in unasked.err


def test_several_names_at_once(cli: Cli, pipeline: str) -> None:
    names = [cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"] for _ in range(2)]
    assert [row["state"] for row in cli.done("wait", *names, "-o", "json").json] == ["Succeeded", "Succeeded"]
    partly = cli("get", names[0], "nobody", names[1], "-o", "name")
    assert partly.status == 1
    assert partly.out.splitlines() == [f"pipelineexecution/{name}" for name in names]
    for command in ("get", "describe"):
        none = cli(command, "nobody", "nothing", "-o", "json")
        assert (none.status, none.json) == (1, [])
    assert [deed["result"] for deed in cli.done("stop", *names, "-o", "json").json] == ["nothing", "nothing"]
    for dry in ("client", "server"):
        would = cli.done("delete", *names, "--dry-run", dry, "-o", "json").json
        assert [deed["result"] for deed in would] == ["would-be", "would-be"]
    assert cli.done("delete", *names).out.count("deleted; SageMaker keeps its record of it") == 2
    assert cli.done("list", "--pipeline", pipeline, "-o", "json").json == []


def test_collect(cli: Cli, pipeline: str) -> None:
    names = [cli.done("run", pipeline, "-o", "json").json[0]["name"] for _ in range(3)]
    options = ["--pipeline", pipeline, "--history-limit", "1", "-o", "json"]
    for dry in ("client", "server"):
        assert {row["name"] for row in cli.done("collect", *options, "--dry-run", dry).json} == set(names[:2])
    assert len(cli.done("list", "--pipeline", pipeline, "-o", "json").json) == 3
    said = cli.done("collect", *options)
    assert "2 of 3 collected." in said.err

    def left() -> bool:  # the controller has to let them go
        listed = cli.done("list", "--pipeline", pipeline, "-o", "json").json
        return [row["name"] for row in listed] == names[2:]

    wait_until(left, HUNG, "the others to be gone")


def test_collected_is_what_was_deleted(alone: Cli, tmp_path: Path) -> None:
    many = [stored(f"e{number:02}", number + 1, "Succeeded") for number in range(4)]
    path = tmp_path / "kubeconfig"
    for refused, status, names in (([], 0, ["e00", "e02"]), ([("DELETE", "e02")], 1, ["e00"])):
        with HttpServer(Here(*many, gone="e01", refused=refused)) as server:
            path.write_text(json.dumps(kubeconfig_of(server.url)))
            said = alone("collect", "--history-limit", "1", "-o", "json", "--kubeconfig", str(path))
        assert (said.status, [row["name"] for row in said.json]) == (status, names)
        assert f"{len(names)} of 4 collected." in said.err


def watched(cli: Cli, name: str, then: Callable[[], object]) -> list[dict[str, Any]]:
    """What `watch` prints of an execution until it ends by itself; ``then`` is done once the execution runs."""
    process = started(world_of(cli), "watch", name, "-o", "json")
    lines: list[dict[str, Any]] = []
    try:
        assert process.stdout is not None
        while not lines or lines[-1]["status"] != "Executing":
            lines.append(json.loads(process.stdout.readline()))
        then()
        lines += [json.loads(line) for line in process.stdout]
        assert process.wait(HUNG) == 0
    finally:
        process.kill()
        process.communicate()
    assert {line["name"] for line in lines} == {name}
    assert set(lines[-1]) == EXECUTION_FIELDS
    return lines


def test_a_name_that_is_not_there_is_not_watched_for_ever(cli: Cli, pipeline: str) -> None:
    name = cli.done("run", pipeline, "-o", "json").json[0]["name"]
    for names, rows in ((["nobody"], 0), (["nobody", name], 1)):
        said = cli("watch", *names, "-o", "json")
        assert (said.status, len(said.out.splitlines())) == (1, rows)
        assert '"nobody" not found' in said.err
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{pipeline}"
    for command in ("watch", "list"):
        names = [name] if command == "watch" else []
        assert cli.done(command, *names, "--pipeline", arn, "-o", "name").out == f"pipelineexecution/{name}\n"
    other = cli("watch", name, "--pipeline", "another")
    assert (other.status, f"is of pipeline {pipeline}" in other.err) == (2, True)


def test_watch_prints_each_change(cli: Cli, pipeline: str) -> None:
    script(cli, f"{pipeline}/Prepare=hold")
    name = cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"]
    assert watched(cli, name, lambda: release(world_of(cli)))[-1]["state"] == "Succeeded"


def test_watch_ends_when_the_execution_is_gone(cli: Cli, pipeline: str) -> None:
    """The controller has not said that it has stopped: somebody has taken its finalizer away."""
    world = world_of(cli)
    controller = world.sandbox.controller
    assert controller is not None
    script(cli, f"{pipeline}/Prepare=hold")
    name = cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"]
    path = f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/{world.namespace}/pipelineexecutions/{name}"

    def is_taken_away() -> None:
        controller.pause()
        wait_until(lambda: controller.resting, HUNG, "the controller to rest")
        cli.done("stop", name, "--no-wait")
        with connect(world.kubeconfig) as client:
            merge = {"Content-Type": "application/merge-patch+json"}
            client.patch(path, json={"metadata": {"finalizers": None}}, headers=merge).raise_for_status()

    try:
        last = watched(cli, name, is_taken_away)[-1]
    finally:
        controller.resume()
    assert (last["state"], last["status"]) == ("Gone", "Executing")
    assert "was deleted while it was followed" in last["reason"]


def test_watch_ends_when_the_execution_is_stopped_in_sagemaker(cli: Cli, pipeline: str) -> None:
    script(cli, f"{pipeline}/Prepare=hold")
    name = cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"]
    with world_of(cli).sagemaker() as client:

        def is_stopped_there() -> None:
            (one,) = client.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"]
            token = uuid.uuid4().hex
            client.stop_pipeline_execution(PipelineExecutionArn=one["PipelineExecutionArn"], ClientRequestToken=token)

        last = watched(cli, name, is_stopped_there)[-1]
    assert (last["state"], last["status"]) == ("Stopped", "Stopped")


def release(world: World) -> None:
    import httpx

    world.sandbox.script.clear()
    httpx.post(f"{world.sandbox.aws_endpoint_url}/_sandbox/release", json={}, timeout=HUNG).raise_for_status()


def test_lists_and_gets_other_kinds(cli: Cli, pipeline: str) -> None:
    rows = cli.done("list", "pipelines", "-o", "json").json
    assert pipeline in {row["name"] for row in rows}
    assert {"resource", "kind", "name", "namespace", "state", "status", "arn", "created"} <= set(rows[0])
    table = cli.done("get", "pipeline", pipeline).out.splitlines()
    assert table[0].split() == ["NAME", "STATE", "SAGEMAKER", "AGE", "REASON"]
    assert table[1].split()[:3] == [pipeline, "Succeeded", "Active"]
    everywhere = cli.done("list", "pipelines", "-A").out.splitlines()
    assert everywhere[0].split()[0] == "NAMESPACE"
    wrong = cli("list", "pods")
    assert (wrong.status, "'pods' is not a kind" in wrong.err) == (2, True)
    gone = cli.done("delete", f"pipeline/{pipeline}")
    assert "SageMaker's own stays (deletion policy retain)" in gone.out


def test_a_connection_of_airflow_leads_to_the_cluster(cli: Cli, pipeline: str) -> None:
    world = world_of(cli)
    extra = {"kube_config_path": str(world.kubeconfig), "namespace": world.namespace}
    connection = json.dumps({"conn_type": "kubernetes", "extra": extra})
    process = started(world, "get", f"pipeline/{pipeline}", "--kubernetes-conn-id", "ml", "-o", "name")
    process.communicate()
    assert process.returncode == 1, "there is no such connection yet"
    os.environ["AIRFLOW_CONN_ML"] = connection
    try:
        process = started(world, "get", f"pipeline/{pipeline}", "--kubernetes-conn-id", "ml", "-o", "name")
        out, err = process.communicate()
    finally:
        del os.environ["AIRFLOW_CONN_ML"]
    assert (process.returncode, out) == (0, f"pipeline/{pipeline}\n"), err
