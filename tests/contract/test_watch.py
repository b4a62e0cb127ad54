"""Watches."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harness.waiting import HUNG, wait_until
from tests.contract.servers import API, GROUP, TABLE, Namespace, Object, pipeline


def seen(events: Iterator[Object], count: int) -> list[tuple[str, str]]:
    """The next events: type and name."""
    found = []
    for event in events:
        found.append((event["type"], event["object"]["metadata"].get("name", "")))
        if len(found) == count:
            break
    return found


def version_of(namespace: Namespace) -> str:
    """The version of the list of Pipelines."""
    version: str = namespace.server.done("GET", namespace.pipelines)["metadata"]["resourceVersion"]
    return version


def wait_for_the_cache(namespace: Namespace, name: str) -> None:
    """Until the server's cache has an object: what is asked for at version 0 comes from there, and may be older."""

    def cached() -> bool:
        answer = namespace.server.done("GET", namespace.pipelines, resourceVersion="0")
        return name in {item["metadata"]["name"] for item in answer["items"]}

    wait_until(cached, HUNG, "the server's cache")


def test_life_of_an_object(namespace: Namespace) -> None:
    with namespace.server.watch(namespace.pipelines, resourceVersion=version_of(namespace)) as events:
        created = namespace.create("a")
        assert next(events) == {"type": "ADDED", "object": created}
        changed = namespace.patch("a", {"spec": {"pipelineDescription": "d"}})
        assert next(events) == {"type": "MODIFIED", "object": changed}
        written = namespace.patch("a", {"status": {"pipelineStatus": "Active"}}, subresource="status")
        assert next(events) == {"type": "MODIFIED", "object": written}
        namespace.server.done("DELETE", namespace.path("a"))
        last = next(events)
    assert last["type"] == "DELETED"
    assert int(last["object"]["metadata"]["resourceVersion"]) > int(written["metadata"]["resourceVersion"])
    assert last["object"]["status"] == {"pipelineStatus": "Active"}


def test_a_write_that_changes_nothing_is_no_event(namespace: Namespace) -> None:
    namespace.create("a")
    with namespace.server.watch(namespace.pipelines, resourceVersion=version_of(namespace)) as events:
        namespace.patch("a", {"spec": {"pipelineName": "a"}})
        namespace.create("b")
        assert seen(events, 1) == [("ADDED", "b")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
def test_start_with_what_is_there(namespace: Namespace, query: dict[str, str]) -> None:
    namespace.create("b")
    namespace.create("a")
    with namespace.server.watch(namespace.pipelines, **query) as events:
        assert sorted(seen(events, 2)) == [("ADDED", "a"), ("ADDED", "b")]
        namespace.create("c")
        assert seen(events, 1) == [("ADDED", "c")]


def test_resume(namespace: Namespace) -> None:
    version = namespace.create("a")["metadata"]["resourceVersion"]
    namespace.create("b")
    namespace.server.done("DELETE", namespace.path("a"))
    with namespace.server.watch(namespace.pipelines, resourceVersion=version) as events:
        assert seen(events, 2) == [("ADDED", "b"), ("DELETED", "a")]


def test_selection(namespace: Namespace) -> None:
    query = {"labelSelector": "x=1", "resourceVersion": version_of(namespace)}
    with namespace.server.watch(namespace.pipelines, **query) as events:
        namespace.create("other", labels={"x": "2"})
        namespace.create("a", labels={"x": "1"})
        namespace.patch("a", {"spec": {"pipelineDescription": "d"}})
        gone = namespace.patch("a", {"metadata": {"labels": {"x": "2"}}})
        namespace.patch("a", {"spec": {"pipelineDescription": "e"}})
        namespace.patch("a", {"metadata": {"labels": {"x": "1"}}})
        assert seen(events, 2) == [("ADDED", "a"), ("MODIFIED", "a")]
        left = next(events)
        assert left["type"] == "DELETED"
        # The object is shown as it was when it still matched, with the version of the change.
        assert left["object"]["metadata"]["labels"] == {"x": "1"}
        assert left["object"]["metadata"]["resourceVersion"] == gone["metadata"]["resourceVersion"]
        assert seen(events, 1) == [("ADDED", "a")]


def test_one_object(namespace: Namespace) -> None:
    query = {"fieldSelector": "metadata.name=a", "resourceVersion": version_of(namespace)}
    with namespace.server.watch(namespace.pipelines, **query) as events:
        namespace.create("b")
        namespace.create("a")
        assert seen(events, 1) == [("ADDED", "a")]


def test_all_namespaces(namespace: Namespace) -> None:
    query = {"labelSelector": f"in={namespace.name}", "resourceVersion": version_of(namespace)}
    with namespace.server.watch(f"{API}/pipelines", **query) as events:
        namespace.create("a", labels={"in": namespace.name})
        assert seen(events, 1) == [("ADDED", "a")]


def test_timeout(namespace: Namespace) -> None:
    started = time.monotonic()
    with namespace.server.watch(namespace.pipelines, timeoutSeconds=1) as events:
        assert list(events) == []
    assert time.monotonic() - started > 0.5


def test_version_of_long_ago(namespace: Namespace) -> None:
    with namespace.server.watch(namespace.pipelines, resourceVersion="1") as events:
        [event] = list(events)
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"resourceVersion": "x"}, 500),
        ({"timeoutSeconds": "x"}, 400),
        ({"labelSelector": "a==="}, 400),
        ({"sendInitialEvents": "true"}, 422),
        ({"resourceVersionMatch": "NotOlderThan"}, 422),
    ],
)
def test_refused_watch(namespace: Namespace, query: dict[str, str], code: int) -> None:
    assert namespace.server.refused("GET", namespace.pipelines, watch="1", **query)["code"] == code


@pytest.mark.parametrize(
    "query", [{}, {"resourceVersion": "0"}, {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}]
)
def test_bookmark_after_the_initial_events(namespace: Namespace, query: dict[str, str]) -> None:
    namespace.create("a")
    wait_for_the_cache(namespace, "a")
    query = query | {"allowWatchBookmarks": "true"}
    with namespace.server.watch(namespace.pipelines, **query) as events:
        assert seen(events, 1) == [("ADDED", "a")]
        bookmark = next(events)
        namespace.create("b")
        assert seen(events, 1) == [("ADDED", "b")]
    assert bookmark["type"] == "BOOKMARK"
    obj = bookmark["object"]
    assert (obj["kind"], obj["apiVersion"]) == ("Pipeline", f"{GROUP}/v1alpha1")
    assert obj["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    with namespace.server.watch(namespace.pipelines, resourceVersion=obj["metadata"]["resourceVersion"]) as events:
        assert seen(events, 1) == [("ADDED", "b")]


def test_bookmark_before_the_end(namespace: Namespace) -> None:
    version = version_of(namespace)
    # It comes two seconds before the end: a busy machine, too, has created something by then.
    query = {"allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": 10}
    with namespace.server.watch(namespace.pipelines, **query) as events:
        namespace.create("a")
        found = [(event["type"], event["object"]["metadata"]) for event in events]
    assert [kind for kind, _ in found][:2] == ["ADDED", "BOOKMARK"]
    assert set(found[1][1]) - {"creationTimestamp"} == {"resourceVersion"}
    assert int(found[1][1]["resourceVersion"]) >= int(found[0][1]["resourceVersion"])


def test_tables(namespace: Namespace) -> None:
    namespace.create("a")
    query, headers = {"watch": "1", "timeoutSeconds": "120"}, {"Accept": TABLE}
    with namespace.server.http.stream("GET", namespace.pipelines, params=query, headers=headers) as answer:
        lines = (line for line in answer.iter_lines() if line)
        for name in ("a", "b"):
            if name == "b":
                namespace.create(name)
            event = next(lines)
            assert '"kind":"Table"' in event
            assert f'"cells":["{name}",null]' in event


def test_last_state_before_the_finalizer_went(namespace: Namespace) -> None:
    namespace.create("a", finalizers=["example.com/x"])
    with namespace.server.watch(namespace.pipelines, resourceVersion=version_of(namespace)) as events:
        namespace.server.done("DELETE", namespace.path("a"))
        namespace.patch("a", {"metadata": {"finalizers": []}})
        marked, last = next(events), next(events)
    assert (marked["type"], last["type"]) == ("MODIFIED", "DELETED")
    assert "deletionTimestamp" in marked["object"]["metadata"]
    assert "deletionTimestamp" in last["object"]["metadata"]
    namespace.server.done("POST", namespace.pipelines, pipeline("a"))
