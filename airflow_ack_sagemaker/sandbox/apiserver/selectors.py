"""Label and field selectors: parsed once, then asked for each object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.errors import bad_request
from airflow_ack_sagemaker.sandbox.apiserver.metadata import key_problems, value_problems

Object = dict[str, Any]
Predicate = Callable[[Object], bool]
_Requirement = Callable[[dict[str, str]], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|!|,|\(|\)|<|>|[^\s=!,()<>]+)")
_SYMBOLS = frozenset(("", ",", "=", "==", "!=", "!", "(", ")", "<", ">"))
_NUMBER = re.compile(r"[+-]?\d+")


def _everything(_: Object) -> bool:
    return True


class _Labels:
    """A parser of the label selector's little language."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(text)
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def parse(self) -> list[_Requirement]:
        found: list[_Requirement] = []
        expected = "!, identifier, or 'end of string'"
        while True:
            token = self._peek()
            if token in _SYMBOLS and token != "!":
                raise bad_request(f"found '{token}', expected: {expected}")
            found.append(self._requirement())
            token = self._take()
            if token == "":
                return found
            if token != ",":
                raise bad_request(f"found '{token}', expected: ',' or 'end of string'")
            expected = "identifier after ','"

    def _requirement(self) -> _Requirement:
        negated = self._peek() == "!"
        if negated:
            self._take()
        key = self._take()
        for problem in key_problems(key):
            raise self._fail(f'<nil>: Invalid value: "{key}": {problem}')
        if negated:
            return lambda labels: key not in labels
        operator = self._peek()
        if operator in ("", ","):
            return lambda labels: key in labels
        self._take()
        if operator in ("in", "notin"):
            return self._set(key, operator)
        if operator in ("=", "==", "!=", "<", ">"):
            return self._comparison(key, operator)
        if operator in _SYMBOLS:
            raise self._fail(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        # A word after a key is no operator: what follows the key is then the end of a requirement that is not there.
        self._at -= 1
        raise self._fail(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def _comparison(self, key: str, operator: str) -> _Requirement:
        value = "" if self._peek() in ("", ",") else self._take()
        if value in _SYMBOLS and value:
            raise self._fail(f"found '{value}', expected: identifier")
        if operator in ("<", ">"):
            if not _NUMBER.fullmatch(value):
                detail = "for 'Gt', 'Lt' operators, the value must be an integer"
                raise self._fail(f'values[0]: Invalid value: "{value}": {detail}')
            number, sign = int(value), 1 if operator == ">" else -1

            def beyond(labels: dict[str, str]) -> bool:
                found = labels.get(key, "")
                return bool(_NUMBER.fullmatch(found)) and sign * int(found) > sign * number

            return beyond
        self._check_values(key, [value])
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value

    def _set(self, key: str, operator: str) -> _Requirement:
        if (token := self._take()) != "(":
            raise self._fail(f"found '{token}' expected: '('")
        values: list[str] = []
        while True:
            values.append("" if self._peek() in (",", ")") else self._take())
            token = self._take()
            if token == ")":
                break
            if token != ",":
                raise self._fail(f"found '{token}', expected: ',' or ')'")
        self._check_values(key, values)
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values

    def _check_values(self, key: str, values: list[str]) -> None:
        for index, value in enumerate(values):
            for problem in value_problems(value):
                raise self._fail(f'values[{index}][{key}]: Invalid value: "{value}": {problem}')

    @staticmethod
    def _fail(problem: str) -> Exception:
        return bad_request(f"unable to parse requirement: {problem}")


def label_selector(text: str) -> Predicate:
    """The predicate of a label selector (``a=b,c!=d,e in (f,g),!h,i>5``); an empty one takes everything.

    :raises ApiFailure: 400, the selector does not parse.
    """
    if not text.strip():
        return _everything
    requirements = _Labels(text).parse()

    def matches(obj: Object) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return matches


def field_selector(text: str, *, extra: frozenset[str] = frozenset()) -> Predicate:
    """The predicate of a field selector over ``metadata.name`` and ``metadata.namespace`` (all that custom resources
    have).

    ``extra`` are other dotted paths that this resource allows.

    :raises ApiFailure: 400, another field, or text that is no selector.
    """
    if not text.strip():
        return _everything
    wanted: list[tuple[list[str], str, bool]] = []
    for term in text.split(","):
        if term in ("", "=", "=="):
            continue
        match = re.fullmatch(r"([^=!]*)(==|!=|=)(.*)", term, re.DOTALL)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        path, operator, value = match.groups()
        if path not in ("metadata.name", "metadata.namespace") and path not in extra:
            raise bad_request(f"field label not supported: {path}")
        wanted.append((path.split("."), value, operator != "!="))

    def matches(obj: Object) -> bool:
        for path, value, equal in wanted:
            found: Any = obj
            for part in path:
                found = found.get(part) if isinstance(found, dict) else None
            if ((found or "") == value) is not equal:
                return False
        return True

    return matches
