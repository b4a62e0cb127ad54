"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902), without touching what they are applied to."""

from __future__ import annotations

import copy
from typing import Any


class PatchError(Exception):
    """An operation of a JSON patch does not fit the document."""


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with the merge patch applied; parts that the patch does not name are shared with the target."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def _tokens(pointer: str) -> list[str]:
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise PatchError(f"not a JSON pointer: {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _index(items: list[Any], token: str, *, adding: bool = False) -> int:
    if adding and token == "-":
        return len(items)
    try:
        index = int(token)
    except ValueError:
        raise PatchError(f"not an index: {token!r}") from None
    if index < 0:
        index += len(items)
    if not 0 <= index < len(items) + adding:
        raise PatchError(f"no such index: {token}")
    return index


def _get(document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        if isinstance(document, dict):
            if token not in document:
                raise PatchError(f"no such member: {token!r}")
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(document, token)]
        else:
            raise PatchError(f"nothing below {token!r}")
    return document


def _tested(document: Any, tokens: list[str]) -> Any:
    """The value that a test or copy looks at; kube-apiserver takes a member that is not there for null."""
    parent = _get(document, tokens[:-1])
    if tokens and isinstance(parent, dict):
        return parent.get(tokens[-1])
    return _get(document, tokens)


def _add(document: Any, tokens: list[str], value: Any) -> Any:
    if not tokens:
        return value
    parent = _get(document, tokens[:-1])
    if isinstance(parent, dict):
        parent[tokens[-1]] = value
    elif isinstance(parent, list):
        parent.insert(_index(parent, tokens[-1], adding=True), value)
    else:
        raise PatchError("the parent holds no members")
    return document


def _remove(document: Any, tokens: list[str]) -> None:
    if not tokens:
        raise PatchError("the whole document cannot be removed")
    _get(document, tokens)
    parent = _get(document, tokens[:-1])
    if isinstance(parent, dict):
        del parent[tokens[-1]]
    else:
        del parent[_index(parent, tokens[-1])]


def _replace(document: Any, tokens: list[str], value: Any) -> Any:
    if not tokens:
        return value
    parent = _get(document, tokens[:-1])
    if isinstance(parent, dict):
        # The JSON patch library of kube-apiserver lets "replace" make a member that was not there.
        parent[tokens[-1]] = value
    elif isinstance(parent, list):
        parent[_index(parent, tokens[-1])] = value
    else:
        raise PatchError("the parent holds no members")
    return document


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    op = operation.get("op")
    tokens = _tokens(str(operation.get("path", "")))
    if op == "add":
        return _add(document, tokens, copy.deepcopy(operation.get("value")))
    if op == "remove":
        _remove(document, tokens)
        return document
    if op == "replace":
        return _replace(document, tokens, copy.deepcopy(operation.get("value")))
    if op == "test":
        if _tested(document, tokens) != operation.get("value"):
            raise PatchError("the test fails")
        return document
    if op in ("move", "copy"):
        source = _tokens(str(operation.get("from", "")))
        value = copy.deepcopy((_get if op == "move" else _tested)(document, source))
        if op == "move":
            _remove(document, source)
        return _add(document, tokens, value)
    raise PatchError(f"unknown operation {op!r}")


def json_patch(target: Any, operations: list[dict[str, Any]]) -> Any:
    """The target with the operations applied in order.

    :raises PatchError: an operation does not fit; nothing is changed.
    """
    document = copy.deepcopy(target)
    for operation in operations:
        document = _operate(document, operation)
    return document
