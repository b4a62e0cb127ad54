"""The same requests to both servers: they must be answered with the same status code and reason.

What differs is listed with its reason, and the list is printed; a difference that is gone must leave the list.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.contract.calls import Call, core, get, post
from tests.contract.requests import CONVERSATIONS
from tests.contract.servers import Server, fresh_namespace, until

NOT_SERVED = "the sandbox has no {}: it answers as a server without that API"
DIFFERENCES: dict[str, str] = {
    str(get("/api/v1/namespaces/{ns}/pods")): NOT_SERVED.format("Pods"),
    str(get("/api/v1/namespaces/{ns}/services")): NOT_SERVED.format("Services"),
    str(post("/api/v1/namespaces/{ns}/serviceaccounts", core("ServiceAccount", "a"))): NOT_SERVED.format(
        "ServiceAccounts"
    ),
    str(get("/apis/apps/v1/namespaces/{ns}/deployments")): NOT_SERVED.format("workloads"),
    str(get("/apis/rbac.authorization.k8s.io/v1/clusterroles")): NOT_SERVED.format("roles"),
}


def _placed(value: Any, namespace: str, group: str) -> Any:
    if isinstance(value, str):
        return value.replace("{ns}", namespace).replace("{group}", group)
    if isinstance(value, list):
        return [_placed(item, namespace, group) for item in value]
    if isinstance(value, dict):
        return {key: _placed(member, namespace, group) for key, member in value.items()}
    return value


def _answer(server: Server, call: Call, namespace: str) -> tuple[int, str]:
    """Status code, and the reason where the body is a Status."""
    # A group of the namespace's own: definitions are not namespaced.
    placed = replace(
        call,
        path=_placed(call.path, namespace, f"{namespace}.example.com"),
        body=_placed(call.body, namespace, f"{namespace}.example.com"),
    )
    got = server.request(placed.method, placed.path, placed.body, media=placed.media, accept=placed.accept)
    # kube-apiserver has an answer or two of this media type whose body is a plain text.
    said = got.headers.get("content-type", "").startswith("application/json") and got.content.startswith(b"{")
    body = got.json() if said else {}
    if got.status_code == httpx.codes.CREATED and body.get("kind") == "CustomResourceDefinition":
        # What may be changed of it depends on whether it is established, which takes kube-apiserver a moment.
        until(lambda: _is_established(server, placed.path, body["metadata"]["name"]), "the definition is established")
    return got.status_code, body.get("reason", "") if body.get("kind") == "Status" else ""


def _is_established(server: Server, path: str, name: str) -> bool:
    conditions = server.done("GET", f"{path}/{name}").get("status", {}).get("conditions") or []
    return ("Established", "True") in {(condition["type"], condition["status"]) for condition in conditions}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(sandbox_server: Server, real_server: Server, name: str) -> None:
    on_sandbox, on_real = (fresh_namespace(server).name for server in (sandbox_server, real_server))
    for call in CONVERSATIONS[name]:
        there = _answer(real_server, call, on_real)
        here = real_server.manner.refusal(call.method, call.body, *_answer(sandbox_server, call, on_sandbox))
        assert (here == there) != (str(call) in DIFFERENCES), f"{call}: the sandbox {here}, kube-apiserver {there}"


def test_there_are_enough_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    calls = [str(call) for conversation in CONVERSATIONS.values() for call in conversation]
    assert len(calls) >= 120
    assert set(DIFFERENCES) <= set(calls)
    with capsys.disabled():
        print(f"\ncontract: {len(calls)} requests to both API servers, of which {len(DIFFERENCES)} differ:")
        for call, reason in DIFFERENCES.items():
            print(f"  {call.strip()}: {reason}")
