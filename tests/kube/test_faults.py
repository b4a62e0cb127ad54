"""Both clients against a server that misbehaves: what is repeated, what is not, and what is said."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.kube.errors import (
    CredentialsError,
    Forbidden,
    Gone,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from tests.kube.certificates import Authority
from tests.kube.objects import config, event, execution, listed, stored
from tests.kube.servers import Behaviour, HttpServer, Seen

Caller = Callable[..., Callable[..., Any]]
CALLS: dict[str, tuple[tuple[Any, ...], dict[str, str]]] = {
    "get": (("get", KIND, "x"), {}),
    "list": (("list", KIND), {}),
    "apply": (("apply", KIND, execution("x")), {}),
    "patch": (("patch", KIND, "x", {"metadata": {}}), {}),
    "delete": (("delete", KIND, "x"), {"uid": "u"}),
}


def refusing_first(times: int, status: int, retry_after: str = "") -> Behaviour:
    def behave(seen: Seen) -> None:
        if seen.number < times:
            seen.refuse(status, retry_after=retry_after)
        else:
            seen.answer(listed(1) if seen.path.endswith("s") else stored("x", 1))

    return behave


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_be_repeated_is(caller: Caller, name: str, status: int) -> None:
    arguments, options = CALLS[name]
    pauses: list[float] = []
    with HttpServer(refusing_first(2, status)) as server:
        assert caller(config(server.url), pauses)(*arguments, **options)
    assert len(server.seen) == 3
    assert 0 < pauses[0] < pauses[1] < 1


@pytest.mark.parametrize("name", CALLS)
def test_lost_connections_are_tried_again(caller: Caller, name: str) -> None:
    def behave(seen: Seen) -> None:
        if seen.number < 2:
            seen.hang_up()
        else:
            seen.answer(listed(1))

    arguments, options = CALLS[name]
    with HttpServer(behave) as server:
        caller(config(server.url))(*arguments, **options)
    assert len(server.seen) == 3


def test_it_gives_up(caller: Caller) -> None:
    pauses: list[float] = []
    with (
        HttpServer(lambda seen: seen.refuse(503, message="etcd is away")) as server,
        pytest.raises(ServerError) as error,
    ):
        caller(config(server.url), pauses)("get", KIND, "x")
    assert len(server.seen) == 4
    assert sum(pauses) <= 10
    assert server.url in str(error.value)
    assert "etcd is away" in str(error.value)


def test_retry_after_is_kept(caller: Caller) -> None:
    pauses: list[float] = []
    with HttpServer(refusing_first(1, 429, retry_after="3")) as server:
        caller(config(server.url), pauses)("create", KIND, execution("x"))
    assert pauses == [3]


def test_retry_after_that_is_too_long_is_told(caller: Caller) -> None:
    with HttpServer(refusing_first(1, 429, retry_after="60")) as server, pytest.raises(TooManyRequests) as error:
        caller(config(server.url))("get", KIND, "x")
    assert error.value.retry_after == 60


@pytest.mark.parametrize("behave", [lambda seen: seen.hang_up(), lambda seen: seen.refuse(504)], ids=["lost", "504"])
def test_create_is_not_repeated_when_it_may_have_happened(caller: Caller, behave: Behaviour) -> None:
    with (
        HttpServer(behave) as server,
        pytest.raises(Unreachable, match="Whether it was carried out is unknown") as error,
    ):
        caller(config(server.url))("create", KIND, execution("x"))
    assert error.value.sent
    assert len(server.seen) == 1


def test_expired_pages_are_listed_again(caller: Caller) -> None:
    def behave(seen: Seen) -> None:
        if "continue" not in seen.query:
            seen.answer(listed(5, stored("a", 1), page="next"))
        elif seen.number == 1:
            seen.refuse(410, "Expired")
        else:
            seen.answer(listed(5, stored("b", 2)))

    with HttpServer(behave) as server:
        found = caller(config(server.url))("list", KIND)
    assert [item["metadata"]["name"] for item in found.items] == ["a", "b"]
    assert found.resource_version == "5"
    assert len(server.seen) == 4


def test_a_rotated_token_file_is_read_again(caller: Caller, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def behave(seen: Seen) -> None:
        if seen.headers["authorization"] == "Bearer new":
            seen.answer(stored("x", 1))
        else:
            token.write_text("new\n")
            seen.refuse(401, "Unauthorized")

    with HttpServer(behave) as server:
        call = caller(config(server.url, {"tokenFile": str(token)}))
        assert call("get", KIND, "x")
        assert call("create", KIND, execution("x"))
    assert len(server.seen) == 3


def test_a_refused_token_file_is_tried_once_more_only(caller: Caller, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    with HttpServer(lambda seen: seen.refuse(401)) as server, pytest.raises(Unauthorized):
        caller(config(server.url, {"tokenFile": str(tmp_path / "token")}))("get", KIND, "x")
    assert len(server.seen) == 2


def plugin(tmp_path: Path, body: str) -> dict[str, Any]:
    script = tmp_path / "plugin.py"
    script.write_text(f"import json, pathlib, sys\nhere = pathlib.Path({str(tmp_path)!r})\n{body}")
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": sys.executable, "args": ["-S", str(script)]}}


ISSUE = """
count = len(list(here.glob("run-*")))
(here / f"run-{count}").touch()
status = {"token": f"token-{count}", "expirationTimestamp": EXPIRES[min(count, len(EXPIRES) - 1)]}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def test_a_plugin_runs_again_when_its_token_expires_or_is_refused(caller: Caller, tmp_path: Path) -> None:
    expires = ["2000-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]
    user = plugin(tmp_path, f"EXPIRES = {expires}\n{ISSUE}")

    def behave(seen: Seen) -> None:
        if seen.headers["authorization"] == "Bearer token-1" and seen.number > 1:
            seen.refuse(401)
        else:
            seen.answer(stored("x", 1))

    with HttpServer(behave) as server:
        call = caller(config(server.url, user))
        for _ in range(3):
            call("get", KIND, "x")
    sent = [seen.headers["authorization"][7:] for seen in server.seen]
    assert sent == ["token-0", "token-1", "token-1", "token-2"]


def test_a_plugin_that_fails_says_why(caller: Caller, tmp_path: Path) -> None:
    user = plugin(tmp_path, "print('secret-output')\nsys.exit('SSO session has expired')")
    with pytest.raises(CredentialsError, match="exit code 1: SSO session has expired") as error:
        caller(config("http://127.0.0.1:1", user))("get", KIND, "x")
    assert "secret-output" not in str(error.value)


def test_a_plugins_new_certificate_opens_new_connections(caller: Caller, tmp_path: Path) -> None:
    authority = Authority()
    for index in range(2):
        pair = authority.issue(f"client-{index}")
        status = {"clientCertificateData": pair.certificate, "clientKeyData": pair.key}
        reply = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
        (tmp_path / f"{index}.json").write_text(json.dumps(reply))
    user = plugin(
        tmp_path,
        "count = len(list(here.glob('run-*')))\n(here / f'run-{count}').touch()\n"
        "print((here / f'{count}.json').read_text())",
    )

    def behave(seen: Seen) -> None:
        if seen.client == "client-1":
            seen.answer(stored("x", 1))
        else:
            seen.refuse(401)

    with HttpServer(behave, authority.issue("server", "127.0.0.1"), authority.pem) as server:
        pem = base64.b64encode(authority.pem.encode()).decode()
        assert caller(config(server.url, user, **{"certificate-authority-data": pem}))("get", KIND, "x")
    assert [seen.client for seen in server.seen] == ["client-0", "client-1"]


def test_forbidden_names_the_permission(caller: Caller) -> None:
    with HttpServer(lambda seen: seen.refuse(403, "Forbidden", "no")) as server, pytest.raises(Forbidden) as error:
        caller(config(server.url))("apply", KIND, execution("x"))
    assert 'verb "patch" on resource "pipelineexecutions"' in str(error.value)
    assert "namespace 'default'" in str(error.value)


def test_a_login_page_is_not_an_object(caller: Caller) -> None:
    with (
        HttpServer(lambda seen: seen.answer("<html>log in</html>")) as server,
        pytest.raises(Unreachable, match="not a Kubernetes object"),
    ):
        caller(config(server.url))("get", KIND, "x")


def test_unknown_authority_is_called_a_certificate_problem(caller: Caller) -> None:
    authority = Authority()
    pem = base64.b64encode(Authority().pem.encode()).decode()
    stranger = HttpServer(lambda seen: seen.answer({}), authority.issue("server", "127.0.0.1"), authority.pem)
    with stranger as server, pytest.raises(Unreachable, match="TLS certificate problem") as error:
        caller(config(server.url, {}, **{"certificate-authority-data": pem}))("create", KIND, execution("x"))
    assert not error.value.sent


def test_unknown_host(caller: Caller) -> None:
    with pytest.raises(Unreachable, match=r"'cluster\.invalid' cannot be resolved"):
        caller(config("https://cluster.invalid"))("get", KIND, "x")


def test_proxy_url_and_impersonation(caller: Caller) -> None:
    user = {"token": "t", "as": "robot", "as-groups": ["a", "b"], "as-user-extra": {"Reason/1": ["x"]}}
    with HttpServer(lambda seen: seen.answer(stored("x", 1))) as proxy:
        caller(config("http://cluster.invalid", user, **{"proxy-url": proxy.url}))("get", KIND, "x")
    headers = proxy.seen[0].handler.headers
    assert proxy.seen[0].headers["host"] == "cluster.invalid"
    assert headers["Impersonate-User"] == "robot"
    assert headers.get_all("Impersonate-Group") == ["a", "b"]
    assert headers["Impersonate-Extra-Reason%2F1"] == "x"


def test_a_watch_that_breaks_in_the_middle_of_a_line(caller: Caller) -> None:
    with (
        HttpServer(lambda seen: seen.stream(event("ADDED", stored("x", 1)), b'{"type":"MODI')) as server,
        pytest.raises(Unreachable, match="broke off in the middle"),
    ):
        caller(config(server.url))("watch", KIND, resource_version="1")


def test_a_watch_whose_version_is_too_old(caller: Caller) -> None:
    error = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    with HttpServer(lambda seen: seen.stream(event("ERROR", error))) as server, pytest.raises(Gone):
        caller(config(server.url))("watch", KIND, resource_version="1")


def test_a_silent_watch(caller: Caller) -> None:
    def behave(seen: Seen) -> None:
        seen.stream()
        server.hang()

    with HttpServer(behave) as server, pytest.raises(Unreachable, match="no answer within"):
        caller(config(server.url))("watch", KIND, resource_version="1", inactivity=0.05)


def test_characters_that_look_like_line_ends(caller: Caller) -> None:
    item = stored("x", 1)
    item["status"]["failureReason"] = "one\u0085two\u2028three"
    line = json.dumps(event("ADDED", item), ensure_ascii=False).encode() + b"\n"
    with HttpServer(lambda seen: seen.stream(line[:60], line[60:] + line)) as server:
        events = caller(config(server.url))("watch", KIND, resource_version="1")
    assert [one.object for one in events] == [item, item]
