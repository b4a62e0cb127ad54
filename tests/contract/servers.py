"""The API servers that the contract holds for, and a plain HTTP client to each."""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from airflow_ack_sagemaker.sandbox.crds import load_crds
from demo.controlplane import ControlPlane, NoControlPlane

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
        deadline = time.monotonic() + 10
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
        """The events of a watch, which ends by itself after 20 seconds."""
        parameters: Object = {"watch": "1", "timeoutSeconds": 20} | query
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


def until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def connect(stack: ExitStack, name: str, kubeconfig: Mapping[str, Any]) -> Server:
    """A server by its kubeconfig, whose user has a token or a client certificate."""
    current = next(c["context"] for c in kubeconfig["contexts"] if c["name"] == kubeconfig["current-context"])
    cluster = next(c["cluster"] for c in kubeconfig["clusters"] if c["name"] == current["cluster"])
    user = next(u["user"] for u in kubeconfig["users"] if u["name"] == current["user"])
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    # kube-apiserver compresses some watches event by event, of which httpx would decode the first only.
    headers = {"Accept-Encoding": "identity"}
    if "token" in user:
        headers["Authorization"] = f"Bearer {user['token']}"
    else:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for part in ("client-certificate", "client-key"):
            (folder / part).write_bytes(base64.b64decode(user[f"{part}-data"]))
        context.load_cert_chain(folder / "client-certificate", folder / "client-key")
    client = httpx.Client(base_url=cluster["server"], verify=context, headers=headers, trust_env=False, timeout=30)
    return Server(name, stack.enter_context(client), dict(kubeconfig))


def sandbox(stack: ExitStack) -> Server:
    """The sandbox's API server, with its own CRDs."""
    return connect(stack, "sandbox", stack.enter_context(ApiServer()).kubeconfig())


def real(stack: ExitStack) -> Server:
    """kube-apiserver: the cluster of ``CONTRACT_KUBECONFIG`` if that is set, else one that is started here.

    :raises NoControlPlane: neither can be had.
    """
    given = os.environ.get("CONTRACT_KUBECONFIG")
    if given:
        server = connect(stack, "real", yaml.safe_load(Path(given).read_text()))
        if server.request("GET", API).status_code != 404:
            # An ACK controller may be at work there: it would carry every resource of these tests to AWS.
            raise NoControlPlane(f"the cluster of {given} has kinds of {GROUP} already; take one for tests only.")
    else:
        server = connect(stack, "real", stack.enter_context(ControlPlane()).kubeconfig())
    _install(stack, server, remove=bool(given))
    return server


def _install(stack: ExitStack, server: Server, *, remove: bool) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crds = load_crds()
    for crd in crds:
        name = crd["metadata"]["name"]
        server.done("PATCH", f"{path}/{name}", crd, media=APPLY, fieldManager="contract", fieldValidation="Strict")
        if remove:
            stack.callback(server.request, "DELETE", f"{path}/{name}")

    def served() -> bool:
        plurals = {crd["spec"]["names"]["plural"] for crd in crds}
        answer = server.request("GET", API)
        if answer.status_code != 200 or not plurals <= {entry["name"] for entry in answer.json()["resources"]}:
            return False
        # A kind is discovered a moment before it can be watched.
        return all(server.request("GET", f"{API}/{plural}", limit=1).status_code == 200 for plural in plurals)

    until(served, "the kinds are served", 60)


def fresh_namespace(server: Server) -> Namespace:
    """A new namespace."""
    name = f"contract-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    server.done("POST", "/api/v1/namespaces", body)
    return Namespace(server, name)
