"""Lists: selectors, pages, versions."""

from __future__ import annotations

from functools import partial

import pytest

from harness.waiting import HUNG, wait_until
from tests.contract.servers import API, GROUP, Namespace, Object, Server


@pytest.fixture
def labelled(namespace: Namespace) -> Namespace:
    """Four Pipelines with labels."""
    for name, labels in (("a", {"n": "1"}), ("b", {"n": "2", "x": "y"}), ("c", {"n": "3", "x": "z"}), ("d", {})):
        namespace.create(name, labels=labels)
    return namespace


def names(answer: Object) -> str:
    """The names in a list, put together."""
    return "".join(item["metadata"]["name"] for item in answer["items"])


def test_list(labelled: Namespace) -> None:
    answer = labelled.server.done("GET", labelled.pipelines)
    assert (answer["kind"], answer["apiVersion"]) == ("PipelineList", f"{GROUP}/v1alpha1")
    assert names(answer) == "abcd"
    assert all(item["kind"] == "Pipeline" for item in answer["items"])
    newest = max(int(item["metadata"]["resourceVersion"]) for item in answer["items"])
    assert int(answer["metadata"]["resourceVersion"]) >= newest


def test_list_of_all_namespaces(labelled: Namespace) -> None:
    items = labelled.server.done("GET", f"{API}/pipelines")["items"]
    assert [i["metadata"]["name"] for i in items if i["metadata"]["namespace"] == labelled.name] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("n=1", "a"),
        ("n==1", "a"),
        ("n!=1", "bcd"),
        ("n", "abc"),
        ("!n", "d"),
        ("n in (1, 3)", "ac"),
        ("n notin (1,3)", "bd"),
        ("n=2,x=y", "b"),
        ("n,!x", "a"),
        ("x in (y,z),n=3", "c"),
        ("n>1", "bc"),
        ("n<2", "a"),
        ("x=", ""),
        (" n = 1 ", "a"),
    ],
)
def test_label_selector(labelled: Namespace, selector: str, found: str) -> None:
    assert names(labelled.server.done("GET", labelled.pipelines, labelSelector=selector)) == found


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("a in (1", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a===", "unable to parse requirement: found '=', expected: identifier"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a=1,", "found '', expected: identifier after ','"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=1 b", "found 'b', expected: ',' or 'end of string'"),
    ],
)
def test_label_selector_that_does_not_parse(namespace: Namespace, selector: str, said: str) -> None:
    status = namespace.server.refused("GET", namespace.pipelines, labelSelector=selector)
    assert (status["code"], status["reason"], status["message"]) == (400, "BadRequest", said)


def test_field_selector(labelled: Namespace) -> None:
    def found(selector: str) -> str:
        return names(labelled.server.done("GET", labelled.pipelines, fieldSelector=selector))

    assert found("metadata.name=b") == "b"
    assert found("metadata.name!=b") == "acd"
    assert found(f"metadata.namespace={labelled.name},metadata.name==c") == "c"
    assert found("metadata.namespace=elsewhere") == ""
    status = labelled.server.refused("GET", labelled.pipelines, fieldSelector="spec.roleARN=r")
    assert (status["code"], status["message"]) == (400, "field label not supported: spec.roleARN")
    status = labelled.server.refused("GET", labelled.pipelines, fieldSelector="metadata.name")
    assert status["message"] == "invalid selector: 'metadata.name'; can't understand 'metadata.name'"


def test_pages(labelled: Namespace) -> None:
    server, path = labelled.server, labelled.pipelines
    first = server.done("GET", path, limit=2)
    assert (names(first), first["metadata"]["remainingItemCount"]) == ("ab", 2)
    # The later pages are of the version of the first: what comes and goes meanwhile is not seen.
    labelled.create("aa")
    labelled.create("e")
    server.done("DELETE", labelled.path("d"))
    token = first["metadata"]["continue"]
    second = server.done("GET", path, **{"limit": 1, "continue": token})
    third = server.done("GET", path, **{"limit": 1, "continue": second["metadata"]["continue"]})
    assert (names(second), names(third)) == ("c", "d")
    assert not third["metadata"]["continue"]
    versions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert len(versions) == 1
    assert names(server.done("GET", path)) == "aaabce"


def test_pages_of_a_selection(labelled: Namespace) -> None:
    first = labelled.server.done("GET", labelled.pipelines, limit=1, labelSelector="x")
    assert names(first) == "b"
    assert "remainingItemCount" not in first["metadata"]
    query = {"limit": 5, "labelSelector": "x", "continue": first["metadata"]["continue"]}
    assert names(labelled.server.done("GET", labelled.pipelines, **query)) == "c"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"continue": "nonsense", "limit": "1"}, 400),
        ({"limit": "many"}, 400),
        ({"resourceVersion": "x"}, 400),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422),
        ({"resourceVersionMatch": "Other", "resourceVersion": "1"}, 422),
        ({"sendInitialEvents": "true"}, 422),
    ],
)
def test_refused_list(namespace: Namespace, query: dict[str, str], code: int) -> None:
    assert namespace.server.refused("GET", namespace.pipelines, **query)["code"] == code


def test_version_of_a_list(namespace: Namespace) -> None:
    version = namespace.create("a")["metadata"]["resourceVersion"]
    namespace.create("b")

    def at(version: str, match: str = "") -> str:
        query = {"resourceVersion": version} | ({"resourceVersionMatch": match} if match else {})
        return names(namespace.server.done("GET", namespace.pipelines, **query))

    # These come from the server's cache, which may be behind; it is never behind the version that is asked for.
    assert at("0") in ("", "a", "ab")
    assert at(version, "NotOlderThan") in ("a", "ab")
    assert at(version, "Exact") == "a"
    for match in ("", "NotOlderThan"):
        wait_until(partial(lambda match: at(version if match else "0", match) == "ab", match), HUNG, "the cache")


def test_version_of_the_future(server: Server) -> None:
    status = server.refused("GET", f"{API}/pipelines", resourceVersion="999999999")
    assert (status["code"], status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
