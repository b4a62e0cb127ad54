"""Objects and configurations that the tests of this folder share."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config


def execution(name: str, **spec: Any) -> dict[str, Any]:
    """A manifest of a PipelineExecution."""
    return {"metadata": {"name": name}, "spec": {"pipelineName": "p", **spec}}


def stored(name: str, version: int, status: str = "Executing") -> dict[str, Any]:
    """A PipelineExecution as a server returns it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PipelineExecution",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": str(version)},
        "spec": {"pipelineName": "p"},
        "status": {"pipelineExecutionStatus": status},
    }


def listed(version: int, *items: dict[str, Any], page: str = "") -> dict[str, Any]:
    """A list as a server returns it."""
    metadata = {"resourceVersion": str(version), **({"continue": page} if page else {})}
    return {"apiVersion": API_VERSION, "kind": "PipelineExecutionList", "metadata": metadata, "items": list(items)}


def event(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """A line of a watch."""
    return {"type": kind, "object": item}


def kubeconfig(server: str, user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    """A kubeconfig with one context ``here``."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }


def config(server: str, user: dict[str, Any] | None = None, **cluster: Any) -> ClusterConfig:
    """The configuration of that kubeconfig, without any proxy."""
    return cluster_config({"kube_config": kubeconfig(server, user, **cluster)}, conn_id="test", environ={})
