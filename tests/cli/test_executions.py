"""The commands about executions and resources, from a definition to the end: a controller answers each of them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from harness.waiting import wait_until
from tests.cli.world import ROLE, Cli, World, started

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
    path.write_text("- Count\n")
    assert cli("run", pipeline, "--parameters", str(path)).status == 2


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


def test_ctrl_c_leaves_it_running_and_stop_stops_it(cli: Cli, pipeline: str) -> None:
    world = world_of(cli)
    script(cli, f"{pipeline}/Prepare=hold")
    process = started(world, "run", pipeline, stderr=(out := (world.folder / "err").open("w")))
    try:
        err = world.folder / "err"
        wait_until(lambda: "Prepare: Executing" in err.read_text(), 60, lambda: err.read_text(), every=0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
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
    assert "would be stopped" in cli.done("stop", row["name"], "--dry-run", "server").out
    assert cli.done("list", "--pipeline", pipeline, "-o", "json").json[0]["status"] == "Executing"
    waiting = started(world, "wait", row["name"], "--no-steps")
    assert waiting.stderr is not None
    try:
        assert waiting.stderr.readline().endswith(": Executing\n")
        stopped = cli.done("stop", row["name"])
        assert stopped.out.startswith("Confirmed: ")
        waiting.communicate(timeout=60)
        assert waiting.returncode == 4, "stopped is neither a success nor a failure"
    finally:
        waiting.kill()
        waiting.communicate()
    assert cli("stop", row["name"]).status == 1, "it is gone"


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
    assert cli.done("delete", *names).out.count("deleted; SageMaker keeps its record of it") == 2
    assert cli.done("list", "--pipeline", pipeline, "-o", "json").json == []


def test_collect(cli: Cli, pipeline: str) -> None:
    names = [cli.done("run", pipeline, "-o", "json").json[0]["name"] for _ in range(3)]
    options = ["--pipeline", pipeline, "--history-limit", "1", "-o", "json"]
    for dry in ("client", "server"):
        assert {row["name"] for row in cli.done("collect", *options, "--dry-run", dry).json} == set(names[:2])
    assert len(cli.done("list", "--pipeline", pipeline, "-o", "json").json) == 3
    said = cli.done("collect", *options)
    assert "2 collected, 1 stay." in said.err

    def left() -> bool:  # the controller has to let them go
        listed = cli.done("list", "--pipeline", pipeline, "-o", "json").json
        return [row["name"] for row in listed] == names[2:]

    wait_until(left, 60, "the others to be gone")


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
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert {line["name"] for line in lines} == {name}
    assert set(lines[-1]) == EXECUTION_FIELDS
    return lines


def test_watch_prints_each_change(cli: Cli, pipeline: str) -> None:
    script(cli, f"{pipeline}/Prepare=hold")
    name = cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"]
    assert watched(cli, name, lambda: release(world_of(cli)))[-1]["state"] == "Succeeded"


def test_watch_ends_when_the_execution_is_deleted(cli: Cli, pipeline: str) -> None:
    script(cli, f"{pipeline}/Prepare=hold")
    name = cli.done("run", pipeline, "--no-wait", "-o", "json").json[0]["name"]
    last = watched(cli, name, lambda: cli.done("stop", name, "--no-wait"))[-1]
    assert last["state"] == "Gone"
    assert "was deleted while it was followed" in last["reason"]


def release(world: World) -> None:
    import httpx

    world.sandbox.script.clear()
    httpx.post(f"{world.sandbox.aws_endpoint_url}/_sandbox/release", json={}).raise_for_status()


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
