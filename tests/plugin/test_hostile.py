"""A neighbour who may edit connections, and one who may write resources, against the API server of a real Airflow."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
)
from harness.waiting import HUNG, wait_until
from tests.chaos.proxy import Exchange, FaultProxy
from tests.plugin.definitions import definition
from tests.plugin.site import ACTION, Site

INTERNAL = f"internal page {secrets.token_hex(8)}"
PASSWORD, VARIABLE, NESTED = (f"correct-horse-{secrets.token_hex(6)}" for _ in range(3))

YAML = {
    "bomb": "a0: &a0 [x]\n" + "".join(f"a{one}: &a{one} [*a{one - 1}, *a{one - 1}]\n" for one in range(1, 60)),
    "nested": "[" * 60_000,
    "tag": "a: !!int ''",
}
"""Kubeconfigs that keep a reader busy, overflow its stack, or are an error that it does not expect."""


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a program of a connection would make."""
    return tmp_path_factory.mktemp("marker") / "ran"


@pytest.fixture(scope="module")
def listener() -> Iterator[FaultProxy]:
    """A server of the neighbour's, or an internal one that they cannot reach: it answers a page."""
    with FaultProxy() as proxy:
        proxy.add("page", lambda exchange: True, lambda exchange: exchange.reply(500, {"message": INTERNAL}), None)
        yield proxy


def kubeconfig(server: str, user: dict[str, Any]) -> str:
    cluster = {"server": server, "insecure-skip-tls-verify": True}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, marker: Path, listener: FaultProxy) -> Iterator[Site]:
    """A site, beside whose cluster the pages show those of hostile connections."""
    folder = tmp_path_factory.mktemp("hostile")
    secret_file = folder / "jwt-secret"
    secret_file.write_text("the-api-servers-own-secret")
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", f"touch {marker}; echo exec-output-{marker} >&2; exit 1"],
        "interactiveMode": "Never",
    }
    hostile = {
        "program": kubeconfig(listener.url, {"exec": plugin}),
        "file": kubeconfig(listener.url, {"tokenFile": str(secret_file)}),
        "internal": kubeconfig(listener.url, {"token": "x"}),
        **YAML,
    }
    connections = {name: {"conn_type": "kubernetes", "extra": {"kube_config": text}} for name, text in hostile.items()}
    connections["unlisted"] = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(secret_file)}}
    with Site(
        folder, "--speed", "20", "--step-seconds", "10", others=list(connections), connections=connections
    ) as running:
        yield running


def errors(site: Site, user: str) -> list[str]:
    with site.client(user) as client:

        def told() -> list[str] | None:
            found: list[str] = client.get("/api/executions").raise_for_status().json()["errors"]
            return found if len(found) == 4 + len(YAML) else None

        return wait_until(told, HUNG, lambda: f"an error of each: {client.get('/api/executions').json()['errors']}")


def log(site: Site) -> str:
    """What the API server has written by now."""
    return (site.airflow.home / "output" / "api-server.log").read_text(errors="replace")


def test_no_connection_runs_a_program_or_sends_a_file(site: Site, marker: Path, listener: FaultProxy) -> None:
    errors(site, "admin")
    assert not marker.exists()
    wait_until(lambda: "program" in log(site), HUNG, "the API server's log")


def test_a_viewer_gets_the_class_and_who_reads_connections_the_words(site: Site) -> None:
    viewer, admin = " ".join(errors(site, "viewer")), " ".join(errors(site, "admin"))
    for hidden in (INTERNAL, "exec-output", "127.0.0.1", "jwt-secret"):
        assert hidden not in viewer, hidden
    assert "API server's log" in viewer
    assert "names a program" in admin
    assert "HTTP 500, and not as a Kubernetes API server" in admin
    with site.client("viewer") as client:
        health = client.get("/api/health").text
        missing = client.get("/api/executions/default/unknown-1").text
    assert INTERNAL not in health + missing
    assert "127.0.0.1" not in health + missing
    # Whoever edits connections reads them, too: a server that is none of Kubernetes would be read through the pages.
    assert INTERNAL not in admin
    wait_until(lambda: INTERNAL in log(site), HUNG, "the API server's log")


def test_what_airflow_keeps_secret_is_hidden_although_nobody_has_listed_it(site: Site) -> None:
    """A connection's password, a secret variable and a secret field, in parameters of innocent names."""
    for command in (
        ("connections", "add", "warehouse", "--conn-type", "postgres", "--conn-password", PASSWORD),
        ("connections", "add", "store", "--conn-type", "generic", "--conn-extra", json.dumps({"api_key": NESTED})),
        ("variables", "set", "warehouse_token", VARIABLE),
        # What stands there keeps nobody from knowing the rest.
        *(
            (
                "connections",
                "add",
                f"odd-{name}",
                "--conn-type",
                "kubernetes",
                "--conn-extra",
                json.dumps({"kube_config": text}),
            )
            for name, text in YAML.items()
        ),
    ):
        done = site.airflow.command(*command)
        assert done.returncode == 0, done.stderr
    pipeline = site.pipeline(definition())
    source = {ANNOTATION_DEFINITION_SOURCE: f"s3://of-nobody/{PASSWORD}", ANNOTATION_DEFINITION_VERSION: VARIABLE}
    site.patch("pipelines", pipeline, {"metadata": {"annotations": source}})
    name = site.execution(
        pipeline,
        parameters={"One": PASSWORD, "Two": f"x {VARIABLE} y", "Three": NESTED, "Four": "postgres://u:pw12345@h/db"},
    )
    with site.client("viewer") as client:
        site.wait_shown(client, name)

        def hidden() -> bool:
            paths = (
                f"executions/default/{name}",
                f"executions/default/{name}/diff",
                "executions",
                "pipelines",
                "health",
            )
            text = "".join(client.get(f"/api/{path}").text for path in paths)
            return not any(secret in text for secret in (PASSWORD, VARIABLE, NESTED, "pw12345"))

        # Known within half a minute after it was made, without a restart.
        wait_until(hidden, HUNG, "the new secrets to be known")
        parameters = {one["name"]: one["value"] for one in site.detail(client, name)["parameters"]}
    assert parameters == {"One": "***", "Two": "x *** y", "Three": "***", "Four": "postgres://u:***@h/db"}


def test_the_search_finds_no_secret(site: Site) -> None:
    with site.client("viewer") as client:
        assert client.get("/api/executions", params={"search": PASSWORD[:14]}).json()["total"] == 0


def requests(site: Site) -> dict[str, int]:
    url = f"{site.sandbox.aws_endpoint_url}/_sandbox/requests"
    found: dict[str, int] = httpx.get(url, trust_env=False, timeout=HUNG).raise_for_status().json()
    return found


def test_s3_is_asked_only_about_buckets_that_the_operator_names(site: Site) -> None:
    pipeline = site.pipeline(definition())
    annotations = {ANNOTATION_DEFINITION_SOURCE: "s3://somebody-elses/key", ANNOTATION_DEFINITION_VERSION: "v1"}
    site.patch("pipelines", pipeline, {"metadata": {"annotations": annotations}})
    site.execution(pipeline)
    with site.client() as client:

        def drift() -> dict[str, Any] | None:
            items = {item["name"]: item for item in client.get("/api/pipelines").json()["items"]}
            found: dict[str, Any] | None = items.get(pipeline, {}).get("drift")
            return found if found and found["detail"] and "S3" in found["detail"] else None

        found = wait_until(drift, HUNG, "the drift")
    assert "buckets" in found["detail"]
    assert "S3:HEAD" not in requests(site)


def test_sagemaker_is_asked_only_about_executions_of_known_pipelines(site: Site) -> None:
    """A status that names another one's ARN shows nothing of it."""
    epochs = 7_654_321_987  # no digits of a time or of a version
    secret_pipeline = site.pipeline(definition(secret="-", epochs=epochs))
    theirs = site.execution(secret_pipeline, "other_team")
    mine = site.execution(site.pipeline(definition(epochs=3)))
    with site.client() as client:
        arn = site.wait_shown(client, theirs, "Succeeded")["arn"]
        site.wait_shown(client, mine, "Succeeded")
        before = requests(site)
        body = {"status": {"ackResourceMetadata": {"arn": arn}}}
        path = f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default/pipelineexecutions/{mine}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        site.kubernetes.patch(path, content=json.dumps(body), headers=headers).raise_for_status()
        wait_until(lambda: (site.shown(client, mine) or {}).get("arn") == arn, 120, "the changed ARN to be shown")
        found = site.whole_detail(client, mine)
        assert "AWS is asked only about" in found["graph"]["steps_note"]
        assert str(epochs) not in client.get(f"/api/executions/default/{mine}/diff").text
        after = requests(site)
    for operation in ("ListPipelineExecutionSteps", "DescribePipelineDefinitionForExecution"):
        assert after.get(operation, 0) == before.get(operation, 0)


def test_a_token_that_has_rotated_is_read_again_for_stop_and_graph(site: Site) -> None:
    """The list's watch goes on; single requests get 401 until the connection is read anew."""
    pipeline = site.pipeline(definition())
    site.control("POST", "script", {"rules": [f"{pipeline}/Train=hold"]})
    name = site.execution(pipeline)
    config = site.directory / "kubeconfig"
    before = config.read_text()
    document = json.loads(before)
    user = document["users"][0]["user"]
    old = user["token"]
    with site.client() as client:
        row = site.wait_shown(client, name, "Executing")
        # The graph's definition, and so the client for single requests.
        site.detail(client, name)
        rotated = f"rotated-{secrets.token_hex(8)}"

        def outdated(exchange: Exchange) -> bool:
            return exchange.headers.get("authorization") == f"Bearer {old}" and not exchange.watch

        def refuse(exchange: Exchange) -> None:
            exchange.reply(401, {"kind": "Status", "status": "Failure", "reason": "Unauthorized", "code": 401})

        def translate(exchange: Exchange) -> None:
            exchange.headers["authorization"] = f"Bearer {old}"
            exchange.relay()

        rules = [
            site.proxy.add("outdated", outdated, refuse, None, first=True),
            site.proxy.add(
                "rotated",
                lambda exchange: exchange.headers.get("authorization") == f"Bearer {rotated}",
                translate,
                None,
                first=True,
            ),
        ]
        try:
            user["token"] = rotated
            config.write_text(json.dumps(document))
            answer = client.post(f"/api/executions/default/{name}/stop", headers=ACTION, json={"uid": row["uid"]})
            assert answer.status_code == 202, answer.text
        finally:
            for rule in rules:
                site.proxy.remove(rule)
            config.write_text(before)
            site.control("DELETE", "script")


@pytest.mark.parametrize(
    "query",
    [
        "map_index=" + "9" * 5_000,
        "search=" + "a" * 10_000,
        "search=%ED%A0%80",
        "sort=created'--",
        "limit=1000000000",
        "offset=-1",
        "offset=" + "9" * 400,
        "state=Nonsense",
        "dag_id=%00",
        "cluster=%2e%2e%2f",
        "&".join("state=Failed" for _ in range(2_000)),
    ],
    ids=lambda query: query[:20],
)
def test_odd_queries_are_no_failures(site: Site, query: str) -> None:
    with site.client() as client:
        for path in (
            "/api/executions",
            "/api/pipelines",
            "/api/executions/default/x",
            "/api/executions/default/x/diff",
        ):
            # 503 is said of a cluster that cannot be read, of which this site has some.
            assert client.get(f"{path}?{query}").status_code != 500
