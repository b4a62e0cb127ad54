"""The API servers that the contract holds for, and a plain HTTP client to each."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.plain_client import connect
from harness.real_cluster import make_namespace
from harness.waiting import wait_until
from tests.contract.older import Manner, manner_of

GROUP = "sagemaker.services.k8s.aws"
API = f"/apis/{GROUP}/v1alpha1"
JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

Object = dict[str, Any]


def pipeline(name: str, spec: Object | None = None, /, **metadata: Any) -> Object:
    """A Pipeline as a user writes it."""
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": name, **metadata},
        "spec": {"pipelineName": name, "roleARN": "arn:aws:iam::123456789012:role/r"} if spec is None else spec,
    }


@dataclass
class Server:
    """One API server: how to reach it, and requests to it."""

    name: str
    http: httpx.Client
    kubeconfig: Object

    @cached_property
    def manner(self) -> Manner:
        """How its version answers, where versions differ."""
        version = self.done("GET", "/version")
        # Some distributions write 34+.
        return manner_of(".".join(re.sub(r"\D", "", version[part]) for part in ("major", "minor")))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = JSON,
        accept: str = "",
        agent: str = "contract/1.0",
        **query: Any,
    ) -> httpx.Response:
        """The answer to a request; a server that still opens a new kind's storage is asked again."""
        headers = {"User-Agent": agent}
        if accept:
            headers["Accept"] = accept
        content = None
        if body is not None:
            headers["Content-Type"] = media
            content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        deadline = time.monotonic() + 120
        while True:
            answer = self.http.request(method, path, content=content, headers=headers, params=query or None)
            if answer.status_code != 429 or time.monotonic() > deadline:
                return answer

    def done(self, method: str, path: str, body: Any = None, **options: Any) -> Object:
        """The object in the answer of a request that succeeds."""
        answer = self.request(method, path, body, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        result: Object = answer.json()
        return result

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Object:
        """The Status in the answer of a request that fails; its code is that of the answer."""
        answer = self.request(method, path, body, **options)
        status: Object = answer.json()
        assert status.get("kind") == "Status", f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        assert status["status"] == "Failure"
        assert status["code"] == answer.status_code
        return status

    @contextmanager
    def watch(self, path: str, **query: Any) -> Iterator[Iterator[Object]]:
        """The events of a watch, which ends by itself after two minutes."""
        parameters: Object = {"watch": "1", "timeoutSeconds": 120} | query
        with self.http.stream("GET", path, params=parameters) as answer:
            assert answer.status_code == 200, answer.read()
            yield (json.loads(line) for line in answer.iter_lines() if line)


class Namespace:
    """The Pipelines of one fresh namespace on a server."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.pipelines = f"{API}/namespaces/{name}/pipelines"

    def path(self, name: str, subresource: str = "") -> str:
        """The path of one Pipeline."""
        return f"{self.pipelines}/{name}" + (f"/{subresource}" if subresource else "")

    def create(self, name: str, spec: Object | None = None, /, **metadata: Any) -> Object:
        """A new Pipeline."""
        return self.server.done("POST", self.pipelines, pipeline(name, spec, **metadata))

    def get(self, name: str) -> Object:
        """A Pipeline as it is."""
        return self.server.done("GET", self.path(name))

    def patch(self, name: str, body: Any, *, subresource: str = "", media: str = MERGE, **query: Any) -> Object:
        """A Pipeline after a patch."""
        return self.server.done("PATCH", self.path(name, subresource), body, media=media, **query)

    def apply(self, name: str, spec: Object, manager: str, /, metadata: Object | None = None, **query: Any) -> Object:
        """A Pipeline after a server-side apply."""
        body = pipeline(name, spec, **(metadata or {}))
        return self.server.done("PATCH", self.path(name), body, media=APPLY, fieldManager=manager, **query)

    def apply_refused(
        self, name: str, spec: Object, manager: str, /, metadata: Object | None = None, **query: Any
    ) -> Object:
        """The Status of a server-side apply that fails."""
        body = pipeline(name, spec, **(metadata or {}))
        return self.server.refused("PATCH", self.path(name), body, media=APPLY, fieldManager=manager, **query)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    wait_until(condition, 120, what, every=0.02)


def connected(stack: ExitStack, name: str, kubeconfig: Path | Mapping[str, Any]) -> Server:
    """A server by its kubeconfig."""
    content = json.loads(kubeconfig.read_text()) if isinstance(kubeconfig, Path) else dict(kubeconfig)
    return Server(name, stack.enter_context(connect(kubeconfig)), content)


def sandbox(stack: ExitStack) -> Server:
    """The sandbox's API server, with its own CRDs."""
    return connected(stack, "sandbox", stack.enter_context(ApiServer()).kubeconfig())


def fresh_namespace(server: Server) -> Namespace:
    """A new namespace."""
    name = f"contract-{secrets.token_hex(4)}"
    make_namespace(server.http, name)
    return Namespace(server, name)
