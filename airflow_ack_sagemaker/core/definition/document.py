"""JSON text in and out: strict about what it reads (RFC 8259, no repeated names), canonical in what it writes."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from airflow_ack_sagemaker.core.definition.problems import DefinitionError, Path, Problem, pointer_of

MAX_TEXT = 4 * 1024 * 1024
"""Characters (or bytes) of text that are looked at at all. A definition may have 1,048,576 characters when it is
canonical; white space, escapes and placeholders may make the text in S3 longer."""

MAX_DEPTH = 200
"""Levels of nesting. A nested condition takes three; no pipeline comes near."""

# Escaped although JSON does not ask for it: lone surrogates cannot be encoded as UTF-8, and what a "." of the API
# model's pattern for a definition does not match (line separators) would be refused by SageMaker.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


class _Repeated(dict[str, Any]):
    """An object in which a name stands more than once."""

    names: list[str]


class _NotFinite:
    """A number that JSON does not have."""

    def __init__(self, text: str) -> None:
        self.text = text


_LOOKED_INTO = (dict, list, _NotFinite)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    repeated = _Repeated(result)
    counts = Counter(name for name, _ in pairs)
    repeated.names = [name for name, count in counts.items() if count > 1]
    return repeated


def _float(text: str) -> float | _NotFinite:
    value = float(text)
    return value if value - value == 0 else _NotFinite(text)


def read(text: str | bytes, source: str) -> Any:
    """The JSON value of a text.

    :param text: JSON; bytes are UTF-8, a byte order mark is tolerated.
    :param source: where the text came from, for the messages.
    :raises DefinitionError: too long, not UTF-8, not JSON, nested too deep, a repeated name in an object, or NaN and
        Infinity.
    """

    def refuse(message: str) -> DefinitionError:
        return DefinitionError([Problem("", message)], source)

    if len(text) > MAX_TEXT:
        raise refuse(
            f"the text is {len(text):,} long, more than {MAX_TEXT:,}: no pipeline definition, or data is inlined in it."
        )
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refuse(
                f"not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x} ({error.reason}). "
                "Save the definition as UTF-8 JSON (not compressed, not UTF-16)."
            ) from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise refuse("the text is empty. Expected a pipeline definition as JSON.")
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_NotFinite, parse_float=_float)
    except json.JSONDecodeError as error:
        raise refuse(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise refuse(f"nested deeper than {MAX_DEPTH} levels: this is not a pipeline definition.") from None
    except ValueError as error:  # an integer with more digits than Python converts
        raise refuse(f"not usable JSON: {error}.") from None
    problems = _strictness(document)
    if problems:
        raise DefinitionError(problems, source)
    return document


def _strictness(document: Any) -> list[Problem]:
    """What the JSON parser let through and a pipeline definition must not have."""
    problems: list[Problem] = []
    stack: list[tuple[Any, Path, int]] = [(document, None, 0)]
    while stack:
        value, path, depth = stack.pop()
        if isinstance(value, _NotFinite):
            problems.append(Problem(pointer_of(path), f"{value.text} is not a number that JSON can carry."))
        elif depth > MAX_DEPTH:
            return [Problem("", f"nested deeper than {MAX_DEPTH} levels: this is not a pipeline definition.")]
        elif isinstance(value, dict):
            if isinstance(value, _Repeated):
                for name in value.names:
                    message = (
                        "this name stands more than once in its object, and no rule says which value counts: keep one."
                    )
                    problems.append(Problem(pointer_of((path, name)), message))
            # Reversed, so that problems come in document order from the stack.
            for name, child in reversed(value.items()):
                if isinstance(child, _LOOKED_INTO):
                    stack.append((child, (path, name), depth + 1))
        elif isinstance(value, list):
            for index in range(len(value) - 1, -1, -1):
                if isinstance(value[index], _LOOKED_INTO):
                    stack.append((value[index], (path, index), depth + 1))
    return problems


def canonical(document: Any) -> str:
    """The one text of a document: sorted names, no white space, valid JSON that can always be encoded as UTF-8.

    Equal documents give equal texts, so that a controller which compares a definition as a string sees no change where
    there is none.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text if text.isascii() and "\x7f" not in text else _ESCAPED.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
