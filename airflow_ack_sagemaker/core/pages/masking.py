"""What looks like a secret is not shown: in parameters, resources and definitions.

Which names and which texts are secret is the caller's knowledge (Airflow's masker); this module knows where in our
documents a name stands beside its value: ``{"name": ..., "value": ...}`` of a launch, ``{"Name": ..., "DefaultValue":
...}`` of a definition's parameter, tags and variables of the environment, ``["--name", value]`` of a container's
arguments, and JSON inside strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from airflow_ack_sagemaker.core.pages.secret_assignments import is_harmless, is_option
from airflow_ack_sagemaker.core.pages.secret_shapes import MASK
from airflow_ack_sagemaker.core.pages.secret_texts import strings_in
from airflow_ack_sagemaker.core.resource import fields

_NAMES = ("name", "Name", "key", "Key", "ParameterName", "MetricName")
_VALUES = frozenset({"value", "Value", "DefaultValue", "EnumValues", "default", "values", "Values", "ParameterValue"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OPTION = re.compile(r"--?([A-Za-z][\w.-]{0,100})=?")
_NEXT_COMMAND = frozenset({"&&", "||", "|", ";"})
_JOINED = re.compile(r"(--?[A-Za-z][\w.-]{0,100})=(.+)", re.DOTALL)
_CURL_USER = frozenset({"u", "user", "U", "proxy-user"})
_JSON = re.compile(r"[\s\ufeff]*+[{\[\"]")
_DEEP = 200
"""Nesting beyond which nothing is shown: a definition may have as much."""
_TEXTS = 6
"""JSON in a text in the JSON of a text, and so on: beyond this, nothing is shown. Each level is work for the whole."""
SHORTEST_CUT = 500
"""Characters of the shortest text that is cut to be shown."""
_CUT = ("…", "...")
_LONGEST_WORD = 200
"""Characters that are left out at most of a word that was cut."""
_LONG = 4_000
"""Digits of a number that is read as a text: Python reads up to 4,300."""


class Masker(Protocol):
    """What is secret."""

    def hides(self, name: str) -> bool:
        """Whether the value of something with this name is secret."""

    def text(self, text: str) -> str:
        """The text without the values that are known to be secrets."""


def masked(value: Any, masker: Masker, depth: int = 0, texts: int = 0) -> Any:
    """A document (of mappings, sequences and scalars) without its secrets; the same shape, new objects.

    :param depth: how deep it stands in another; ``texts``: in how many texts that are JSON.
    """
    if depth > _DEEP:
        return MASK
    if isinstance(value, str):
        return _masked_text(value, masker, depth, texts)
    if isinstance(value, Mapping):
        secret = _names_a_secret(value, masker)
        return {
            masker.text(key) if isinstance(key, str) else key: hidden(item)
            if (isinstance(key, str) and masker.hides(key)) or (secret and key in _VALUES)
            else masked(item, masker, depth + 1, texts)
            for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [
            hidden(item) if secret else f"{joined[1]}={MASK}" if joined else masked(item, masker, depth + 1, texts)
            for item, secret, joined in _Options(masker).among(value)
        ]
    return value


def secrets_of(value: Any, masker: Masker, depth: int = 0, texts: int = 0) -> Iterator[str]:
    """The texts that `masked` would hide in a document because of their names."""
    if depth > _DEEP or texts > _TEXTS:
        return
    if isinstance(value, Mapping):
        secret = _names_a_secret(value, masker)
        for key, item in value.items():
            if (isinstance(key, str) and masker.hides(key)) or (secret and key in _VALUES):
                yield from strings_in(item)
            else:
                yield from secrets_of(item, masker, depth + 1, texts)
    elif isinstance(value, list):
        for item, secret, joined in _Options(masker).among(value):
            if secret:
                yield from strings_in(item)
            elif joined:
                yield joined[2]
            else:
                yield from secrets_of(item, masker, depth + 1, texts)
    elif isinstance(value, str):
        yield from secrets_of(_parsed(value), masker, depth + 1, texts + 1)


class _Options:
    """The arguments of a program, one after another: after ``--password`` stands a secret."""

    def __init__(self, masker: Masker) -> None:
        self._hides = masker.hides
        self._name: str | None = None
        self._curl = False

    def among(self, items: Iterable[Any]) -> Iterator[tuple[Any, bool, re.Match[str] | None]]:
        """Each item; whether it is the value of an option that hides; and, where it holds both, the two."""
        for item in items:
            secret = self._hide(item)
            yield item, secret, None if secret else self._joined(item)

    def _hide(self, item: Any) -> bool:
        """Whether this item is the value of an option whose name hides."""
        name, self._name = self._name, None
        if isinstance(item, str):
            if item[:1] == "-":
                option = _OPTION.fullmatch(item)
                if option and (self._hides(option[1]) or (self._curl and option[1] in _CURL_USER)):
                    self._name = option[1]
            elif item[-4:] == "curl":
                self._curl = True
            elif item in _NEXT_COMMAND:
                self._curl = False
        if name is None or not isinstance(item, str):
            return name is not None
        return not is_harmless(name, item) and not is_option(item)

    def _joined(self, item: Any) -> re.Match[str] | None:
        """The name, and the value, of an option that holds both and hides: ``--password=value``."""
        if not isinstance(item, str) or item[:1] != "-":
            return None
        found = _JOINED.fullmatch(item)
        hides = found is not None and self._hides(found[1].lstrip("-")) and not is_harmless(found[1], found[2])
        return found if hides else None


def _names_a_secret(value: Mapping[Any, Any], masker: Masker) -> bool:
    return any(isinstance(value.get(key), str) and masker.hides(value[key]) for key in _NAMES)


def hidden(value: Any, depth: int = 0) -> Any:
    """Nothing but the shape of a secret: what was given and what is empty can be told from each other."""
    if value is None or value == "" or isinstance(value, bool):
        return value
    if isinstance(value, Mapping) and depth < _DEEP:
        return {key: hidden(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple) and depth < _DEEP:
        return [hidden(item, depth + 1) for item in value]
    return MASK


def whole_words(text: str) -> str:
    """A text that may have been cut, then without the word that was cut in two: half a secret is not known for one."""
    cut = next((one for one in _CUT if text.endswith(one)), None)
    if cut is None or len(text) < SHORTEST_CUT:
        return text
    end = kept = len(text) - len(cut)
    while kept > end - _LONGEST_WORD and not text[kept - 1].isspace():
        kept -= 1
    return f"{text[:kept]}{cut}"


def parameters_of(resource: Mapping[str, Any], masker: Masker) -> list[dict[str, Any]]:
    """The parameters that an execution was launched with: ``name``, ``value``, and whether that is ``masked``."""
    found = []
    items = fields.spec(resource).get("pipelineParameters")
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, Mapping):
            continue
        name, value = str(item.get("name") or ""), str(item.get("value") or "")
        shown = hidden(value) if masker.hides(name) else _masked_text(value, masker, 0, 0)
        found.append({"name": masker.text(name), "value": shown, "masked": shown != value})
    return found


def shown_resource(resource: Mapping[str, Any], masker: Masker) -> Any:
    """A resource as it may be shown: without secrets, the record of its managers (as kubectl shows it), and the copy of
    itself that kubectl leaves on it.
    """
    metadata = {key: value for key, value in fields.metadata(resource).items() if key != "managedFields"}
    if isinstance(annotations := metadata.get("annotations"), Mapping):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    return masked({**resource, "metadata": metadata}, masker)


def _masked_text(text: str, masker: Masker, depth: int, texts: int) -> str:
    if (document := _parsed(text)) is not None:
        if texts >= _TEXTS:
            return MASK
        clean = masked(document, masker, depth + 1, texts + 1)
        if clean != document:
            return json.dumps(clean, ensure_ascii=False)
    return masker.text(text)


def _parsed(text: str) -> Any:
    """The object, array or string of JSON in a text; None where there is none. A number that Python does not read is a
    text.
    """
    start = _JSON.match(text)
    if start is None:
        return None
    text = text[start.end() - 1 :]
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    except ValueError:  # a number that is too long, whatever stands behind it
        with suppress(ValueError, RecursionError):
            return json.loads(text, parse_int=lambda digits: digits if len(digits) > _LONG else int(digits))
    return None
