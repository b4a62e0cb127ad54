"""Lists in pages, and watches: which objects and events a request is to see."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from time import monotonic

from airflow_ack_sagemaker.sandbox.apiserver import errors
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.selectors import Predicate, field_selector, label_selector
from airflow_ack_sagemaker.sandbox.apiserver.store import Change, Compacted, Key, Object, Store

_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_EXTRA_FIELDS = {
    "events": frozenset(
        f"involvedObject.{name}"
        for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    )
    | {"reason", "type", "source", "reportingComponent"},
    "secrets": frozenset({"type"}),
    "namespaces": frozenset({"status.phase"}),
}
BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK_SECONDS = 2.0
_DEFAULT_WATCH_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query of a list or watch."""

    matches: Predicate
    selective: bool
    limit: int = 0
    token: str = ""
    version: str = ""
    version_match: str = ""
    watch: bool = False
    timeout: float = _DEFAULT_WATCH_SECONDS
    bookmarks: bool = False
    initial_events: bool | None = None


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if not -(2**63) <= number < 2**63:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _flag(query: dict[str, str], name: str) -> bool:
    return query.get(name, "").lower() not in ("", "0", "false")


def list_options(resource: Resource, query: dict[str, str]) -> ListOptions:
    """The options of a list or watch from its query.

    :raises ApiFailure: 400 or 422, a parameter makes no sense.
    """
    labels, wanted = query.get("labelSelector", ""), query.get("fieldSelector", "")
    by_label = label_selector(labels)
    by_field = field_selector(wanted, extra=_EXTRA_FIELDS.get(resource.plural, frozenset()))
    watch = _flag(query, "watch")
    version, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    initial = _flag(query, "sendInitialEvents") if "sendInitialEvents" in query else None
    _check_versions(watch, version, match, query.get("continue", ""), initial)
    return ListOptions(
        matches=lambda obj: by_label(obj) and by_field(obj),
        selective=bool(labels or wanted),
        limit=max(_number(query.get("limit", "0")), 0),
        token=query.get("continue", ""),
        version=version,
        version_match=match,
        watch=watch,
        timeout=float(_number(query.get("timeoutSeconds", "0"))) or _DEFAULT_WATCH_SECONDS,
        bookmarks=_flag(query, "allowWatchBookmarks"),
        initial_events=initial,
    )


def _check_versions(watch: bool, version: str, match: str, token: str, initial: bool | None) -> None:
    def refuse(field: str, detail: str) -> errors.ApiFailure:
        return errors.invalid_options("ListOptions", errors.forbidden_value(field, detail))

    if watch and token:
        raise refuse("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    if initial is not None:
        if not watch:
            raise refuse("sendInitialEvents", "sendInitialEvents is forbidden for list")
        if match != "NotOlderThan":
            raise refuse(
                "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            )
    elif match:
        if watch:
            raise refuse(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        if not version:
            raise refuse("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
        if token:
            raise refuse("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
        if match not in ("Exact", "NotOlderThan"):
            cause = errors.not_supported("resourceVersionMatch", f'"{match}"', ("Exact", "NotOlderThan", ""))
            raise errors.invalid_options("ListOptions", cause)
        if match == "Exact" and version == "0":
            raise refuse("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def check_version(store: Store, text: str) -> None:
    """Refuse to read one object at least as new as a version that there is not.

    :raises ApiFailure: 500, it is no number; 504, it is in the future.
    """
    try:
        version = _parse_version(text or "0")
    except ValueError as error:
        raise errors.internal(str(error)) from None
    if version > store.revision:
        raise _future(version, store.revision)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: the objects, the version of the whole list, the token of the next page, how many are left."""

    objects: list[Object]
    revision: int
    token: str = ""
    remaining: int | None = None


def _encode(revision: int, after: Key) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": "/".join(part for part in after if part) + "\0"})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str, namespaced: bool) -> tuple[int, Key]:
    try:
        fields = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        start, revision = str(fields["start"]).rstrip("\0"), int(fields["rv"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.bad_request(f"invalid continue token: continue key is not valid: {error}") from None
    namespace, _, name = start.rpartition("/")
    return revision, (namespace if namespaced else "", name if namespaced else start)


def _parse_version(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise ValueError(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return number


def page(store: Store, resource: Resource, namespace: str, options: ListOptions) -> Page:
    """The page of a list.

    :raises ApiFailure: 410, the token or the exact version is too old; 400, it is none; 504, the version is in the
        future.
    """
    after: Key | None = None
    at: int | None = None
    if options.token:
        revision, after = _decode(options.token, resource.namespaced)
        at = None if revision < 0 else revision
    elif options.version:
        try:
            version = _parse_version(options.version)
        except ValueError as error:
            raise errors.bad_request(f"invalid resource version: {error}") from None
        if version > store.revision:
            raise _future(version, store.revision)
        if options.version_match == "Exact" or (options.limit and version and not options.version_match):
            at = version
    try:
        items = store.items(resource.qualified, at)
    except Compacted:
        failure = errors.expired(_EXPIRED if options.token else "The resourceVersion for the provided list is too old.")
        if options.token and after is not None:
            failure.list_token = _encode(-1, after)
        raise failure from None
    keys = sorted(key for key in items if (not namespace or key[0] == namespace) and (after is None or key > after))
    found: list[Object] = []
    revision = at or store.revision
    for index, key in enumerate(keys):
        if not options.matches(items[key]):
            continue
        if options.limit and len(found) == options.limit:
            left = None if options.selective else len(keys) - index
            last = found[-1]["metadata"]
            return Page(found, revision, _encode(revision, (last.get("namespace", ""), last["name"])), left)
        found.append(items[key])
    return Page(found, revision)


def _future(wanted: int, current: int) -> errors.ApiFailure:
    return errors.ApiFailure(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        details={
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
        retry_after=1,
    )


def _event(change: Change, namespace: str, options: ListOptions) -> tuple[str, Object] | None:
    """What a watcher is told of a change: an object that starts or ends to match is one that comes or goes."""
    if namespace and change.key[0] != namespace:
        return None
    before = change.old is not None and options.matches(change.old)
    if change.new is None:
        return ("DELETED", change.last) if before and change.last is not None else None
    if options.matches(change.new):
        return ("MODIFIED" if before else "ADDED", change.new)
    if before and change.old is not None:
        metadata = {**change.old["metadata"], "resourceVersion": str(change.revision)}
        return "DELETED", {**change.old, "metadata": metadata}
    return None


def _bookmark(resource: Resource, revision: int, *, initial: bool = False) -> tuple[str, Object]:
    metadata: Object = {"resourceVersion": str(revision)}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return "BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def _start(
    store: Store, resource: Resource, namespace: str, options: ListOptions
) -> tuple[list[tuple[str, Object]], int]:
    """The first events of a watch, and the version from which it goes on."""
    try:
        version = _parse_version(options.version or "0")
    except ValueError as error:
        raise errors.internal(str(error)) from None
    wants_state = options.initial_events if options.initial_events is not None else version == 0
    if wants_state:
        items = store.items(resource.qualified)
        keys: Iterable[Key] = sorted(key for key in items if not namespace or key[0] == namespace)
        first = [("ADDED", items[key]) for key in keys if options.matches(items[key])]
        if options.bookmarks:
            first.append(_bookmark(resource, store.revision, initial=True))
        return first, store.revision
    if version == 0:
        return [], store.revision
    try:
        changes = store.since(resource.qualified, version)
    except Compacted:
        gone = errors.expired(f"too old resource version: {version} ({store.oldest})")
        return [("ERROR", gone.as_status())], -1
    events = [event for change in changes if (event := _event(change, namespace, options)) is not None]
    return events, store.revision


async def watch(
    store: Store, resource: Resource, namespace: str, options: ListOptions
) -> AsyncIterator[list[tuple[str, Object]]]:
    """The events of a watch, in batches, until its time is over or the resource is no longer served.

    A version that is too old gives one ERROR event with a ``Status`` of code 410. A version in the future just waits
    for it.

    :raises ApiFailure: 500, the resourceVersion is no number (raised before the first batch).
    """
    deadline = monotonic() + options.timeout
    with store.subscribe(resource.qualified) as subscription:
        first, reached = _start(store, resource, namespace, options)
        floor = int(options.version) if options.version.isdigit() else 0
        yield first
        if reached < 0:
            return
        # A bookmark is sent each minute, and one shortly before the watch ends.
        last_bookmark = deadline - _LAST_BOOKMARK_SECONDS
        next_bookmark = min(
            monotonic() + BOOKMARK_SECONDS, last_bookmark if options.timeout > _LAST_BOOKMARK_SECONDS else deadline
        )
        while not subscription.closed:
            left = min(deadline, next_bookmark) - monotonic()
            changes = await subscription.take(max(left, 0.0))
            events = []
            for change in changes:
                if change.revision > max(reached, floor) and (event := _event(change, namespace, options)) is not None:
                    events.append(event)
            now = monotonic()
            if next_bookmark <= now < deadline:
                if options.bookmarks:
                    events.append(_bookmark(resource, store.revision))
                next_bookmark = now + BOOKMARK_SECONDS
                if now < last_bookmark < next_bookmark:
                    next_bookmark = last_bookmark
            if events:
                yield events
            if now >= deadline:
                return
