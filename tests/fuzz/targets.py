"""What reads input of others, each as a function of one text: it returns, or raises what the reader declares.

A target raises `AssertionError` for a wrong success, and any other exception is a crash. The callers bound the work:
`test_fuzz.py` (hypothesis, in each run of the tests) and `long.py` (atheris, `make fuzz`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx

from airflow_ack_sagemaker.aws.errors import SourceError
from airflow_ack_sagemaker.aws.s3 import S3Source
from airflow_ack_sagemaker.core.definition.expressions import Scope
from airflow_ack_sagemaker.core.definition.parse import Definition, parse_definition
from airflow_ack_sagemaker.core.definition.problems import DefinitionError
from airflow_ack_sagemaker.core.definition.values import MAX_TEXT, values_of
from airflow_ack_sagemaker.core.doctor.findings import examine
from airflow_ack_sagemaker.core.pages import listing
from airflow_ack_sagemaker.core.pages.differences import difference
from airflow_ack_sagemaker.core.pages.executions import row_of
from airflow_ack_sagemaker.core.pages.health import health_of
from airflow_ack_sagemaker.core.pages.lookups import execution_to_ask
from airflow_ack_sagemaker.core.pages.masking import parameters_of, secrets_of, shown_resource
from airflow_ack_sagemaker.core.pages.pipelines import pipeline_row, prune
from airflow_ack_sagemaker.core.pages.secret_shapes import without_shapes
from airflow_ack_sagemaker.core.pages.secret_texts import SecretTexts
from airflow_ack_sagemaker.core.pages.step_states import state_of
from airflow_ack_sagemaker.core.pages.timeline import timeline_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import RunIdentity, identity_of
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec, SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, classify
from airflow_ack_sagemaker.follow.watch import without_bulk
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.kube.connection.kubeconfig import parse_text
from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.links import console_url
from airflow_ack_sagemaker.operators.manifests import read_manifest
from airflow_ack_sagemaker.plugin.connection_policy import ConnectionPolicy, server_config
from airflow_ack_sagemaker.plugin.detail import described
from airflow_ack_sagemaker.plugin.picture import readable_picture
from airflow_ack_sagemaker.plugin.responses import packed
from airflow_ack_sagemaker.untrusted_yaml import MAX_ADDED

SECRET = "hunter2-very-secret"
VALUE = "q7w8e9r0t1"
_OF_VALUE = dict.fromkeys(map(ord, VALUE), "-")
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
_NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
_IDENTITY = RunIdentity("retraining", "scheduled__2026-11-01", "launch")
_CONSOLE = re.compile(r"https://[a-z0-9-]+\.console\.(aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)/")


class Words:
    """A masker of one secret."""

    def hides(self, name: str) -> bool:
        """Names with ``token`` or ``password``."""
        return any(word in name.lower() for word in ("token", "password"))

    def text(self, text: str) -> str:
        """Without the secret, and without shapes."""
        return without_shapes(SecretTexts([SECRET]).hidden(text), self.hides)


def definition(text: str) -> None:
    """A definition: what is accepted is accepted again, with the same digest, and its picture is drawn."""
    try:
        found = parse_definition(text)
    except DefinitionError:
        readable_picture(text)
        return
    again = parse_definition(found.text)
    assert (again.text, again.sha256) == (found.text, found.sha256)
    assert json.loads(found.text) == found.document
    for scope in (Scope(), _scope(found)):
        for value in (value for step in found.steps for value in values_of(step, scope)):
            assert max(map(len, (value.expression, value.value or "", value.why or ""))) <= MAX_TEXT
            assert (value.value is None) is (value.why is not None)
    picture, why = readable_picture(found.text)
    assert (picture is None) is (why is not None)
    found.text.encode()


def _scope(found: Definition) -> Scope:
    """One in which most of what a definition refers to has some value."""
    return Scope(
        parameters={one.name: one.default for one in found.parameters},
        execution={"PipelineName": "abalone"},
        properties=lambda step: {"Outcome": True, "OutputParameters": {"a": "[1, {}]"}, "List": [{"Name": step}]},
        property_file=lambda step, file: {step: {file: [1, None]}},
        s3_object=lambda uri: [uri],
        experiment=found.document.get("PipelineExperimentConfig") or {},
        item=('{"a": [1]}',),
    )


def placeholders(text: str) -> None:
    """A placeholder's value adds no JSON and is not looked through again."""
    document = {"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Fail", "Arguments": {"X": "<<VALUE>>"}}]}
    try:
        found = parse_definition(json.dumps(document), placeholders={"VALUE": text})
    except DefinitionError:
        return
    assert found.document["Steps"][0]["Arguments"] == {"X": text}
    assert len(found.steps) == 1


def expressions(text: str) -> None:
    """What stands in a ``Get`` is a reference to a step or parameter, or a problem."""
    step = {"Name": "A", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": text}}}
    document = {"Version": "2020-12-01", "Parameters": [{"Name": "P", "Type": "String"}], "Steps": [step]}
    try:
        parse_definition(json.dumps(document))
    except DefinitionError:
        return


def manifest_text(text: str) -> None:
    """A manifest as a text: `SpecError`, or resources whose size the text decides, whatever its aliases say."""
    if text.strip().endswith((".yaml", ".yml", ".json")) or text.strip().startswith("s3://"):
        return  # the address of one
    try:
        found = read_manifest(text, folder=Path("/"), aws_conn_id=None, render=str)
    except SpecError:
        return
    assert sum(len(json.dumps(each.spec)) for each in found) <= 6 * (len(text) + MAX_ADDED)


def manifest(text: str) -> None:
    """A value of a task: refused, or a manifest that is JSON with names that Kubernetes takes."""
    makers: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: PipelineSpec(text[:300], ROLE, text).manifest("default"),
        lambda: ExecutionSpec(text[:300], [{"name": "P", "value": text}]).manifest(
            "default", _IDENTITY, attempt=1, tried=Try()
        ),
    )
    for make in makers:
        try:
            made = make()
        except SpecError:
            continue
        assert len(name := made["metadata"]["name"]) <= 253
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name), name
        assert json.loads(json.dumps(made)) == made


def status(text: str) -> None:
    """A resource of any shape, as whoever may write it wrote it: every page has something to say about it."""
    resource = _object(text)
    if resource is None:
        return
    for kind in ("Pipeline", "PipelineExecution"):
        one = {**resource, "kind": kind}
        outcome = classify(one)
        assert Outcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome
        identity_of(one)
        timeline_of(one)
        fields.parameters(one)
        examine([one], now=_NOW)
    execution = {**resource, "kind": "PipelineExecution"}
    row = row_of(without_bulk(execution), "prod")
    pipeline = pipeline_row(json.loads(json.dumps(prune({**resource, "kind": "Pipeline"}))), "prod")
    health_of([row], [pipeline], now=_NOW, known=True)
    execution_to_ask(row, [pipeline], ["abalone*"])
    for query in (listing.Query(), listing.Query(search="a b", sort="-duration")):
        listing.page_of([row], query)
    packed({"execution": row.shown({}), **described(execution)})
    if row.arn is not None and (url := console_url(row.arn)):
        assert _CONSOLE.match(url), url


def step_list(text: str) -> None:
    """What SageMaker lists as the steps of an execution."""
    if (step := _object(text)) is not None:
        state_of(step, str)


def masking(text: str) -> None:
    """Wherever a secret stands in a resource, it is not in what is shown."""
    whole = f"{text}{SECRET}{text[::-1]}"
    for resource in (
        {"metadata": {"annotations": {"a": whole, text or "a": SECRET}}, "spec": {"x": [whole, {text: SECRET}]}},
        {"spec": {"pipelineParameters": [{"name": text, "value": whole}, {"name": "token", "value": text}]}},
        {"spec": {"config": json.dumps({text: whole})}},
    ):
        assert SECRET not in json.dumps(shown_resource(resource, Words()))
        assert SECRET not in json.dumps(parameters_of(resource, Words()))


def hiding(text: str) -> None:
    """Whatever is built around a name that hides, its value, which nobody knows, is not in what is shown."""
    marks = text.translate(_OF_VALUE)  # what is around it is not it
    name = ("token", "dbPassword", "X-Token", "api.token", "PASSWORD_2")[len(text) % 5]
    for leaf in (
        {name: VALUE}, {name: {marks: [VALUE]}}, [f"--{name}", VALUE], [marks, f"-{name}=", VALUE],
        [f"--{name}={marks}{VALUE}"],
        {"Name": name, "Type": marks, "DefaultValue": VALUE}, {"value": VALUE, "name": name},
        f"{name}={VALUE}", f"{name}: {VALUE}", f"--{name} {VALUE}", f'{name}: "{VALUE}"',
    ):  # fmt: skip
        tree: Any = leaf
        for mark in marks[:40]:
            tree = _AROUND[ord(mark) % len(_AROUND)](tree, marks[:20])
        for resource in ({"spec": {"a": tree}}, {"metadata": {"annotations": {"a": json.dumps(tree)}}}):
            assert VALUE not in json.dumps(shown_resource(resource, Words())), resource
        given = {"spec": {"pipelineParameters": [{"name": "a", "value": json.dumps(tree)}]}}
        assert VALUE not in json.dumps(parameters_of(given, Words())), given


def _as_text(tree: Any, space: str = "") -> Any:
    """As JSON in a text, which doubles its backslashes each time."""
    text = json.dumps(tree)
    return [tree] if len(text) > 50_000 else space + text


_AROUND: tuple[Callable[[Any, str], Any], ...] = (
    lambda tree, _: [tree],
    lambda tree, text: [text, tree, 1, None],
    lambda tree, text: ["--epochs", "3", text, {text: tree}],
    lambda tree, text: {text or "a": tree, "b": text},
    lambda tree, text: {"name": text, "value": tree},
    lambda tree, text: {"value": tree, "Key": "token"},
    lambda tree, _: _as_text(tree),
    lambda tree, _: _as_text(tree, "\n "),
)


def differences(text: str) -> None:
    """Two texts: a difference, without a secret."""
    half = len(text) // 2
    found = difference(text[:half], text[half:], Words(), ("old", "new"))
    if found.same and text[:half] != text[half:]:
        # Not as Python compares them, for which 1 and true are equal.
        one, other = (json.dumps(json.loads(part), sort_keys=True) for part in (text[:half], text[half:]))
        assert one == other
    both = [json.dumps({"Steps": [text[:half], SECRET]}), json.dumps({"Steps": [text[half:], SECRET, 1]})]
    assert SECRET not in str(difference(both[0], both[1], Words(), ("old", "new")))


def kubeconfig(text: str) -> None:
    """A connection's kubeconfig: `ConfigError`, or a cluster; in the API server one without files and programs."""
    # What the pages look through at each start.
    with suppress(ConfigError):
        assert sum(map(len, secrets_of(parse_text(text, "fuzz"), Words()))) <= 2 * len(text)
    for content in (text, _object(text)):
        if not content:
            continue
        extra = {"kube_config": content}
        said = ""
        try:
            cluster_config(extra, conn_id="fuzz", environ={})
        except ConfigError as error:
            said = str(error)
        assert len(said) <= 2_000, said
        try:
            found = server_config(extra, conn_id="fuzz", session=None, allowed=ConnectionPolicy(), environ={})
        except ConfigError:
            continue
        credential = found.credential
        assert credential.plugin is None
        files = (credential.token_file, credential.certificate.file, credential.key.file, found.authority.file)
        assert not any(files)


def s3_uri(text: str) -> None:
    """An address in S3: `SourceError`, or an object whose address is read as the same."""
    for bucket in (None, "bucket"):
        try:
            found = S3Source.parse(text, bucket=bucket)
        except SourceError:
            continue
        assert found.bucket
        assert found.key
        if "?versionId=" not in found.key:
            assert S3Source.parse(found.uri) == S3Source(found.bucket, found.key)


def query(text: str) -> None:
    """The query of a route: a page of the list."""
    given = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
    row = row_of({"kind": "PipelineExecution", "metadata": {"name": "a", "namespace": "ml"}}, "prod")
    wanted = listing.Query(
        dag_id=given.get("dag_id"),
        pipeline=given.get("pipeline"),
        states=tuple(given.get("state", "").split(",")),
        search=given.get("search", ""),
        sort=given["sort"] if given.get("sort", "").removeprefix("-") in listing.SORTS else "-created",
    )
    page = listing.page_of([row], wanted)
    assert page.total in (0, 1)


def http(text: str) -> None:
    """A request to the sandbox's API server: never a failure of its own, always JSON or text."""
    first, _, body = text.partition("\n")
    method, _, path = first.partition(" ")
    if method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        method, path = "GET", first
    answer = asyncio.run(_ask(method, path, body))
    if answer is not None and answer.status_code >= 500:
        # kube-apiserver's own answer to an apply with a field that is in no schema (tests/contract/test_apply.py).
        assert "failed to create typed patch object" in answer.json()["message"], (answer.status_code, answer.text)


async def _ask(method: str, path: str, body: str) -> httpx.Response | None:
    types = {"PATCH": "application/apply-patch+yaml" if "fieldManager" in path else "application/merge-patch+json"}
    if "watch" in path:
        return None  # it answers until its time is over
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(_sandbox(), raise_app_exceptions=True),
        base_url="http://sandbox",
        headers={"Authorization": "Bearer token", "Content-Type": types.get(method, "application/json")},
    ) as client:
        try:
            request = client.build_request(method, "/" + path.lstrip("/"), content=body.encode("utf-8", "replace"))
        except (httpx.InvalidURL, ValueError):
            return None
        return await client.send(request)


@cache
def _sandbox() -> Any:
    from airflow_ack_sagemaker.sandbox.apiserver.app import build, utc_now
    from airflow_ack_sagemaker.sandbox.apiserver.cluster import Cluster
    from airflow_ack_sagemaker.sandbox.crds import load_crds

    return build(Cluster(load_crds(), utc_now), "token")


def _object(text: str) -> dict[str, Any] | None:
    """As it comes from a server. There, two halves of a character that stand side by side are one character."""
    try:
        found = json.loads(json.dumps(json.loads(text)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


TARGETS: dict[str, Callable[[str], None]] = {
    target.__name__: target
    for target in (
        definition, placeholders, expressions, manifest, manifest_text, status, step_list, masking, hiding,
        differences, kubeconfig, s3_uri, query, http,
    )
}  # fmt: skip
PATH = f"/apis/{API_VERSION}/namespaces/default/pipelines"
