"""What people do with stock kubectl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.waiting import HUNG
from tests.contract.servers import GROUP, Namespace, Object, pipeline
from tests.support.kubectl import Kubectl

EXECUTION = {
    "apiVersion": f"{GROUP}/v1alpha1",
    "kind": "PipelineExecution",
    "metadata": {"name": "run"},
    "spec": {"pipelineName": "a"},
}


def text(*objects: Object) -> str:
    """Manifests as one file."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects} if len(objects) > 1 else objects[0])


def write_status(namespace: Namespace, status: Object) -> None:
    """Write the status of the execution, as its controller does."""
    path = namespace.pipelines.replace("pipelines", "pipelineexecutions") + "/run/status"
    namespace.server.done("PATCH", path, {"status": status}, media="application/merge-patch+json")


def test_client_side_apply(kubectl: Kubectl) -> None:
    manifest = pipeline("a", labels={"l": "m"})
    created = kubectl("apply", "-f", "-", text=text(manifest, EXECUTION))
    assert created == f"pipeline.{GROUP}/a created\npipelineexecution.{GROUP}/run created\n"
    assert kubectl("apply", "-f", "-", text=text(manifest)) == f"pipeline.{GROUP}/a unchanged\n"
    manifest["spec"]["pipelineDescription"] = "d"
    del manifest["metadata"]["labels"]
    assert kubectl("apply", "-f", "-", text=text(manifest)) == f"pipeline.{GROUP}/a configured\n"
    shown = json.loads(kubectl("get", "pipeline", "a", "-o", "json"))
    assert shown["spec"] == manifest["spec"]
    assert "labels" not in shown["metadata"]


def test_server_side_apply(kubectl: Kubectl) -> None:
    def apply(*more: str) -> tuple[str, ...]:
        return ("apply", "--server-side", *more, "-f", "-")

    manifest = pipeline("a")
    assert kubectl(*apply(), text=text(manifest)) == f"pipeline.{GROUP}/a serverside-applied\n"
    manifest["spec"]["roleARN"] = "other"
    error = kubectl.error(*apply("--field-manager", "other"), text=text(manifest))
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .spec.roleARN' in error
    kubectl(*apply("--field-manager", "other", "--force-conflicts"), text=text(manifest))
    assert kubectl("get", "pipeline", "a", "-o", "jsonpath={.spec.roleARN}") == "other"
    dry = kubectl(*apply("--dry-run=server"), text=text(EXECUTION))
    assert dry == f"pipelineexecution.{GROUP}/run serverside-applied (server dry run)\n"
    assert kubectl("get", "pipelineexecutions") == ""


def test_from_client_side_to_server_side(kubectl: Kubectl) -> None:
    manifest = pipeline("a")
    kubectl("apply", "-f", "-", text=text(manifest))
    manifest["spec"]["roleARN"] = "other"
    kubectl("apply", "--server-side", "-f", "-", text=text(manifest))
    shown = json.loads(kubectl("get", "pipeline", "a", "-o", "json", "--show-managed-fields"))
    assert shown["spec"]["roleARN"] == "other"
    noted = shown["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(noted)["spec"] == manifest["spec"]


@pytest.mark.parametrize("side", [[], ["--server-side"]])
def test_diff(kubectl: Kubectl, side: list[str]) -> None:
    manifest = pipeline("a")
    kubectl("apply", *side, "-f", "-", text=text(manifest))
    assert kubectl("diff", *side, "-f", "-", text=text(manifest)) == ""
    manifest["spec"]["roleARN"] = "other"
    done = kubectl.try_("diff", *side, "-f", "-", text=text(manifest))
    assert done.returncode == 1, done.stderr
    assert "+  roleARN: other\n" in done.stdout


def test_get(kubectl: Kubectl, namespace: Namespace) -> None:
    assert kubectl.try_("get", "pipelineexecutions").stderr == f"No resources found in {namespace.name} namespace.\n"
    kubectl("create", "-f", "-", text=text(pipeline("a", labels={"x": "y"}), EXECUTION))
    write_status(namespace, {"pipelineExecutionStatus": "Failed", "failureReason": "no data"})

    def cells(*arguments: str) -> list[list[str]]:
        return [line.split() for line in kubectl("get", *arguments).splitlines()]

    assert cells("pipelineexecutions") == [["NAME", "STATUS"], ["run", "Failed"]]
    assert cells("pipelineexecution/run", "-o", "wide") == [
        ["NAME", "FAILURE-REASON", "STATUS"],
        ["run", "no", "data", "Failed"],
    ]
    assert cells("pipelines", "--no-headers") == [["a"]]
    assert [namespace.name, "a"] in cells("pipelines", "-A")
    assert kubectl("get", "pipelines,pipelineexecutions", "-o", "name").splitlines() == [
        f"pipeline.{GROUP}/a",
        f"pipelineexecution.{GROUP}/run",
    ]
    assert kubectl("get", "pipelines", "-l", "x=y", "-o", "name") == f"pipeline.{GROUP}/a\n"
    assert kubectl("get", "pipelines", "-l", "x!=y", "-o", "name") == ""
    assert kubectl("get", "pipelines", "--field-selector", "metadata.name=b", "-o", "name") == ""
    assert "roleARN: arn:aws" in kubectl("get", "pipeline", "a", "-o", "yaml")
    shown = json.loads(kubectl("get", "pipelineexecution", "run", "-o", "json"))
    assert shown["status"] == {"pipelineExecutionStatus": "Failed", "failureReason": "no data"}
    assert cells("pipelineexecution", "run", "--subresource=status") == [["NAME", "STATUS"], ["run", "Failed"]]
    error = kubectl.error("get", "pipeline", "b")
    assert error == f'Error from server (NotFound): pipelines.{GROUP} "b" not found\n'


def test_chunks(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=text(*(pipeline(f"p{number}") for number in range(5))))
    assert len(kubectl("get", "pipelines", "--chunk-size=2", "--no-headers").splitlines()) == 5


@contextmanager
def watching(kubectl: Kubectl, *arguments: str) -> Iterator[Iterator[str]]:
    """The lines of a ``kubectl get --watch``."""
    command = [str(kubectl.binary), "--namespace", kubectl.namespace, "get", *arguments, "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=kubectl.environment()) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.terminate()


def test_get_watch(kubectl: Kubectl, namespace: Namespace) -> None:
    kubectl("create", "-f", "-", text=text(EXECUTION))
    with watching(kubectl, "pipelineexecutions") as lines:
        assert next(lines).split() == ["NAME", "STATUS"]
        assert next(lines).split() == ["run"]
        write_status(namespace, {"pipelineExecutionStatus": "Executing"})
        assert next(lines).split() == ["run", "Executing"]
        write_status(namespace, {"pipelineExecutionStatus": "Succeeded"})
        assert next(lines).split() == ["run", "Succeeded"]


def test_describe(kubectl: Kubectl, namespace: Namespace) -> None:
    kubectl("create", "-f", "-", text=text(EXECUTION))
    write_status(
        namespace, {"pipelineExecutionStatus": "Executing", "conditions": [{"type": "Ready", "status": "False"}]}
    )
    shown = kubectl("describe", "pipelineexecution", "run")
    for line in (
        "Name:         run",
        f"Namespace:    {namespace.name}",
        "  Pipeline Name:  a",
        "    Type:                     Ready",
        "  Pipeline Execution Status:  Executing",
        "Events:                       <none>",
    ):
        assert line in shown


def test_wait(kubectl: Kubectl, namespace: Namespace) -> None:
    kubectl("create", "-f", "-", text=text(EXECUTION))
    target = "pipelineexecution/run"
    command = [str(kubectl.binary), "--namespace", kubectl.namespace, "wait", target, "--timeout=600s"]
    status = "--for=jsonpath={.status.pipelineExecutionStatus}=Succeeded"
    with subprocess.Popen([*command, status], stdout=subprocess.PIPE, text=True, env=kubectl.environment()) as process:
        write_status(
            namespace, {"pipelineExecutionStatus": "Succeeded", "conditions": [{"type": "Ready", "status": "True"}]}
        )
        output, _ = process.communicate(timeout=HUNG)
        assert (process.returncode, output) == (0, f"pipelineexecution.{GROUP}/run condition met\n")
    kubectl("wait", target, "--for=condition=Ready", "--timeout=600s")
    assert "timed out waiting" in kubectl.error("wait", target, "--for=condition=Other", "--timeout=1s")
    with subprocess.Popen([*command, "--for=delete"], stdout=subprocess.PIPE, env=kubectl.environment()) as process:
        kubectl("delete", "pipelineexecution", "run")
        process.communicate(timeout=HUNG)
        assert process.returncode == 0


def test_delete_waits_for_the_finalizer(kubectl: Kubectl, namespace: Namespace) -> None:
    namespace.create("a", finalizers=["example.com/x"])
    command = [str(kubectl.binary), "--namespace", kubectl.namespace, "delete", "pipeline", "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=kubectl.environment()) as process:
        kubectl("wait", "pipeline/a", "--for=jsonpath={.metadata.deletionTimestamp}", "--timeout=600s")
        assert process.poll() is None
        namespace.patch("a", {"metadata": {"finalizers": None}})
        output, _ = process.communicate(timeout=HUNG)
    assert output == f'pipeline.{GROUP} "a" deleted\n'


def test_patch(kubectl: Kubectl, namespace: Namespace) -> None:
    namespace.create("a")
    kubectl("patch", "pipeline", "a", "--type=merge", "-p", '{"spec":{"pipelineDescription":"one"}}')
    operations = '[{"op":"replace","path":"/spec/pipelineDescription","value":"two"}]'
    kubectl("patch", "pipeline", "a", "--type=json", "-p", operations)
    assert namespace.get("a")["spec"]["pipelineDescription"] == "two"
    unchanged = kubectl("patch", "pipeline", "a", "--type=merge", "-p", '{"spec":{"pipelineDescription":"two"}}')
    assert unchanged == f"pipeline.{GROUP}/a patched (no change)\n"
    error = kubectl.error("patch", "pipeline", "a", "-p", "{}")
    assert "application/strategic-merge-patch+json is not supported" in error
    status = '{"status":{"pipelineStatus":"Active"}}'
    kubectl("patch", "pipeline", "a", "--subresource=status", "--type=merge", "-p", status)
    assert namespace.get("a")["status"] == {"pipelineStatus": "Active"}


def test_annotate_and_label(kubectl: Kubectl, namespace: Namespace) -> None:
    namespace.create("a")
    kubectl("annotate", "pipeline", "a", "x=y")
    kubectl("label", "pipeline", "a", "l=m", "n=o")
    kubectl("label", "pipeline", "a", "n-")
    metadata = namespace.get("a")["metadata"]
    assert (metadata["annotations"], metadata["labels"]) == ({"x": "y"}, {"l": "m"})
    assert "already has a value" in kubectl.error("annotate", "pipeline", "a", "x=z")


def test_replace(kubectl: Kubectl, namespace: Namespace) -> None:
    obj = namespace.create("a")
    obj["spec"]["pipelineDescription"] = "d"
    assert kubectl("replace", "-f", "-", text=text(obj)) == f"pipeline.{GROUP}/a replaced\n"
    obj["spec"]["pipelineDescription"] = "e"
    assert "the object has been modified" in kubectl.error("replace", "-f", "-", text=text(obj))


def test_edit(kubectl: Kubectl, namespace: Namespace, tmp_path: Path) -> None:
    namespace.create("a", {"pipelineName": "a", "roleARN": "before"})
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/before/after/ "$1"\n')
    editor.chmod(0o755)
    assert kubectl("edit", "pipeline", "a", KUBE_EDITOR=str(editor)) == f"pipeline.{GROUP}/a edited\n"
    assert namespace.get("a")["spec"]["roleARN"] == "after"


def test_mistakes(kubectl: Kubectl) -> None:
    unknown = pipeline("a", {"pipelineName": "a", "roleArn": "r"})
    error = kubectl.error("apply", "-f", "-", text=text(unknown))
    assert 'strict decoding error: unknown field "spec.roleArn"' in error
    error = kubectl.error("create", "--validate=false", "-f", "-", text=text(unknown))
    assert 'The Pipeline "a" is invalid: spec.roleARN: Required value' in error
    error = kubectl.error("apply", "--server-side", "-f", "-", text=text(unknown))
    assert ".spec.roleArn: field not declared in schema" in error
    error = kubectl.error("apply", "-f", "-", text=text(pipeline("a") | {"kind": "Pipelyne"}))
    assert f'no matches for kind "Pipelyne" in version "{GROUP}/v1alpha1"' in error
    error = kubectl.error("apply", "-f", "-", "--namespace", "nowhere", text=text(pipeline("a")))
    assert 'namespaces "nowhere" not found' in error
    assert "the server doesn't have a resource type" in kubectl.error("get", "pipelynes")


def test_explain(kubectl: Kubectl) -> None:
    shown = kubectl("explain", "pipelineexecution.spec")
    assert f"GROUP:      {GROUP}\nKIND:       PipelineExecution\nVERSION:    v1alpha1\n" in shown
    assert "  pipelineName\t<string> -required-\n" in shown
    assert "  pipelineParameters\t<[]Object>\n" in shown
    assert "    maxParallelExecutionSteps\t<integer>\n" in kubectl("explain", "pipeline", "--recursive")


def test_api_resources(kubectl: Kubectl) -> None:
    shown = kubectl("api-resources", f"--api-group={GROUP}", "--no-headers").splitlines()
    assert len(shown) == 26
    assert ["pipelines", f"{GROUP}/v1alpha1", "true", "Pipeline"] in [line.split() for line in shown]


def test_may_i(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "pipelines") == "yes\n"


def test_raw(kubectl: Kubectl) -> None:
    assert kubectl("get", "--raw", "/readyz") == "ok"
    error = kubectl.error("get", "--raw", f"/apis/{GROUP}/v1alpha1/namespaces/{kubectl.namespace}/pipelines/a")
    assert error == f'Error from server (NotFound): pipelines.{GROUP} "a" not found\n'


def test_builtin_kinds(kubectl: Kubectl, namespace: Namespace) -> None:
    assert kubectl("get", "namespace", namespace.name, "-o", "jsonpath={.status.phase}") == "Active"
    kubectl("create", "configmap", "c", "--from-literal=k=v")
    assert kubectl("get", "configmap", "c", "-o", "jsonpath={.data.k}") == "v"
    kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.k} {.type}") == "dg== Opaque"
    kubectl("label", "configmap", "c", "a=b")
    kubectl("delete", "configmap,secret", "--all")
    assert kubectl("get", "configmaps,secrets,events", "-o", "name") == ""
    other = f"{namespace.name}-x"
    assert kubectl("create", "namespace", other) == f"namespace/{other} created\n"
    kubectl("label", "namespace", other, "a=b")
    assert kubectl("get", "namespaces", "-l", "a=b", "-o", "name").splitlines()[-1] == f"namespace/{other}"
    kubectl("delete", "namespace", other, "--wait=false")
