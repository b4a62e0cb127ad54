"""Each reader of untrusted input against what hypothesis thinks of, and against the committed seeds.

Seeds are inputs that once crashed a reader, or that lead deep into one. `make fuzz` goes on from them for longer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS
from tests.support.turns import counted

SEEDS = Path(__file__).with_name("seeds")
quick = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "150")),
    deadline=None,  # a busy machine is no fault
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_TEXTS = ["", "9" * 5_000, "\ud800", "2026-11-01T00:00:00Z", "0000-00-00T00:00:00Z", "arn:aws:x", "s3://b/k", "[1,2]"]
texts = st.text(st.characters(codec=None), max_size=200)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    texts,
    st.sampled_from(
        ["", "9" * 5_000, "\ud800", "2026-11-01T00:00:00Z", "0000-00-00T00:00:00Z", "arn:aws:x", "s3://b/k"]
    ),
)


def keyed(*names: str) -> st.SearchStrategy[Any]:
    """JSON of any shape, whose objects have mostly these names."""
    key = st.one_of(st.sampled_from(names), texts)
    return st.recursive(
        odd,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(key, inner, max_size=6)),
        max_leaves=25,
    )


def spoiled(document: Any, odd_parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A right document, in which any part is something else."""
    if isinstance(document, dict):
        built = st.fixed_dictionaries({}, optional={key: spoiled(value, odd_parts) for key, value in document.items()})
        return st.one_of(built, st.just(document), odd_parts)
    if isinstance(document, list):
        return st.one_of(st.tuples(*(spoiled(item, odd_parts) for item in document)).map(list), odd_parts)
    return st.one_of(st.just(document), odd_parts)


def stored(document: Any) -> st.SearchStrategy[Any]:
    """A document as an API server may store it: its schema has held the types, but any text is another, and any part is
    not there.
    """
    if isinstance(document, dict):
        return st.fixed_dictionaries({}, optional={key: stored(value) for key, value in document.items()})
    if isinstance(document, list):
        return st.lists(st.one_of(*map(stored, document)), max_size=4) if document else st.just([])
    if isinstance(document, str):
        return st.one_of(st.just(document), texts, st.sampled_from(_TEXTS))
    return st.just(document)


def seeds(name: str) -> list[Path]:
    return sorted((SEEDS / name).iterdir())


def yaml_of(*words: str) -> st.SearchStrategy[str]:
    """YAML that says more than JSON can: aliases, anchors, tags, merge keys, numbers that are none."""
    signs = [
        "&a ", "*a", "&b ", "*b", "<<: ", "!!int ", "!!float ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!x ",
        "''", ":1", "1:1", ".5", "0x", "1_", "2026-11-01", "[", "]", "{", "}", ", ", ": ", "- ", "? ", "|\n", "\n",
        "\n ", "\n  ", "---\n", "%TAG ! a\n", "#",
    ]  # fmt: skip
    return st.lists(st.one_of(st.sampled_from([*signs, *(f"{word}: " for word in words)]), texts), max_size=40).map(
        "".join
    )


def documents(name: str) -> st.SearchStrategy[str]:
    """The seeds that are JSON, spoiled."""
    found = [json.loads(path.read_text()) for path in seeds(name) if path.suffix == ".json"]
    parts = keyed("name", "value", "metadata", "spec", "status", "Get", "Name", "Type", "user", "exec", "cluster")
    return st.one_of(*(spoiled(document, parts) for document in found)).map(json.dumps)


inputs: dict[str, st.SearchStrategy[str]] = {
    **dict.fromkeys(TARGETS, texts),
    **{name: st.one_of(documents(name), texts) for name in ("definition", "step_list")},
    "kubeconfig": st.one_of(
        documents("kubeconfig"), yaml_of("clusters", "users", "contexts", "name", "cluster", "server", "token"), texts
    ),
    "manifest_text": st.one_of(yaml_of("kind", "metadata", "name", "spec", "items", "apiVersion"), texts),
    # As a schema lets it through, as nobody checks it, and of no shape at all.
    "status": st.one_of(
        *(stored(json.loads(path.read_text())).map(json.dumps) for path in seeds("status")),
        documents("status"),
        st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "kind"]),
            keyed(
                "name",
                "namespace",
                "uid",
                "annotations",
                "labels",
                "finalizers",
                "conditions",
                "type",
                "status",
                "message",
                "arn",
                "pipelineName",
                "pipelineParameters",
                "pipelineExecutionStatus",
                "creationTimestamp",
            ),
        ).map(json.dumps),
        texts,
    ),
    "expressions": st.one_of(
        texts, st.lists(st.sampled_from(["Steps", "Parameters", "A", ".", "[", "]", "'", "P", "0"])).map("".join)
    ),
    "masking": st.one_of(texts, st.sampled_from(['{"token": "', "://", "a=", "[{", "Bearer "])),
    "hiding": st.one_of(texts, st.text("abcdefghABCDEFGH01234567", max_size=40)),
    "differences": st.lists(st.sampled_from(['{"a": [1,', "]}", '"token"', "1", "\n", "["])).map("".join) | texts,
    "s3_uri": st.lists(st.sampled_from(["s3://", "/", "?", "versionId=", "#", "b", "%00", "..", "\ud800"])).map("".join)
    | texts,
    "query": st.dictionaries(st.sampled_from(["dag_id", "sort", "search", "state"]), texts).map(
        lambda found: "&".join(f"{key}={value}" for key, value in found.items())
    ),
    "http": st.tuples(
        st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
        st.one_of(
            texts,
            st.sampled_from(
                [
                    "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default/pipelines",
                    "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default/pipelines/a",
                    "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default/pipelines/a?fieldManager=x&force=true",
                    "/apis/sagemaker.services.k8s.aws/v1alpha1/pipelineexecutions?limit=x&continue=y",
                    "/api/v1/namespaces",
                    "/openapi/v3/x",
                ]
            ),
        ),
        st.one_of(texts, keyed("metadata", "name", "spec", "kind", "apiVersion").map(json.dumps)),
    ).map(lambda parts: f"{parts[0]} {parts[1]}\n{parts[2]}"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_the_declared_errors(name: str) -> None:
    @quick
    @given(inputs[name])
    def run(text: str) -> None:
        TARGETS[name](text)

    run()


@pytest.mark.parametrize("path", [path for name in TARGETS for path in seeds(name)], ids=lambda path: path.name)
def test_the_seeds(path: Path) -> None:
    TARGETS[path.parent.name](path.read_text(encoding="utf-8", errors="surrogateescape"))


def bomb(size: int) -> str:
    """Each line means twice what the one before it means."""
    return "a0: &a0 [x]\n" + "".join(
        f"a{one}: &a{one} [*a{one - 1}, *a{one - 1}]\n" for one in range(1, size // 10 + 1)
    )


LONG: dict[str, list[Callable[[int], str]]] = {
    "definition": [lambda size: '{"a":' * size, lambda size: "[" * size + "]" * size, lambda size: '{"a":1,' * size],
    "placeholders": [lambda size: "<<" * size, lambda size: "<<A>>" * size],
    "expressions": [lambda size: "Steps." * size, lambda size: "Steps.A['" + "['" * size],
    "masking": [
        lambda size: "eyJaaaaaa." * size, lambda size: "://a:" * size, lambda size: "a=" * size,
        lambda size: "-----BEGIN PRIVATE KEY-----" * size, lambda size: "{" * size,
        lambda size: "password: " * size, lambda size: "--token " * size, lambda size: 'token="\\"' * size,
        lambda size: "curl -u a:" * size, lambda size: "name: token\nvalue: " * size, lambda size: "\n " * size + '"',
    ],
    "kubeconfig": [
        bomb, lambda size: "[" * size, lambda size: "- " * size, lambda size: "a: 1" + ":1" * size,
        lambda size: "<<: {a: 1}\n" * size, lambda size: "token: [" + "*a," * size,
        lambda size: "token: !!int ''\n" * size,
    ],
    "manifest_text": [bomb, lambda size: "[" * size, lambda size: "a: 1" + ":1" * size],
    "differences": [lambda size: "[" + "1," * size + "1]" + "[" + "2," * size + "1]"],
    "s3_uri": [lambda size: "s3://b/" + "?versionId=" * size],
}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), [(name, number) for name in LONG for number in range(len(LONG[name]))])
def test_the_work_grows_with_the_text_only(name: str, number: int) -> None:
    """Counted in calls of functions: four times the text takes about four times the work."""

    def work(size: int) -> int:
        with counted() as turns:
            TARGETS[name](LONG[name][number](size))
        return turns.calls

    work(10)  # what is made once
    assert work(2_000) <= 5 * work(500) + 2_000
