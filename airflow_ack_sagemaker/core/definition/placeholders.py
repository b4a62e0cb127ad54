"""Placeholders ``<<NAME>>`` and ``<NAME>`` of a definition, filled from a mapping.

They are replaced inside parsed strings, never in the text: a value cannot add JSON. Each string is gone through once,
so what a value contains is taken literally, even when it looks like a placeholder. Names are upper case
(``[A-Z][A-Z0-9_]*``); ``${VAR}``, ``<b>``, ``<!DOCTYPE html>`` and braces are text. An upper-case tag such as ``<BR>``
does look like a placeholder; map it to itself (``{"BR": "<BR>"}``) to keep it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.definition.document import MAX_TEXT
from airflow_ack_sagemaker.core.definition.problems import Findings, Path, Problem, cut, listed, pointer_of, quoted

# The double form first: "<<X>>" is one placeholder, not "<" + "<X>" + ">".
_PLACEHOLDER = re.compile(r"<<([A-Z][A-Z0-9_]*)>>|<([A-Z][A-Z0-9_]*)>")

NO_VALUE = "no value for placeholder"
"""How the message begins that a value is missing."""


def fill(document: Any, placeholders: Mapping[str, object], findings: Findings) -> Any:
    """A copy of a document with its placeholders filled; what is left over or unusable is noted as a problem, unused
    names as warnings.

    :param placeholders: values by name, without the brackets; str, int, float (finite) or bool, put in as text (true,
        false).
    """
    filler = _Filler(_texts(placeholders, findings))
    result = filler.value(document, None)
    findings.silence(filler.problems)
    for name in placeholders:
        if name not in filler.used:
            shown = cut(name, 80)
            message = f"no <<{shown}>> or <{shown}> stands in the definition: the placeholder's value is not used."
            findings.warn(None, message)
    return result


def _texts(placeholders: Mapping[str, object], findings: Findings) -> dict[str, str | None]:
    """The values as text. A name whose value is refused keeps None, so that it is not reported as missing as well."""
    texts: dict[str, str | None] = {}
    for name, value in placeholders.items():
        texts[name] = None
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, str):
            texts[name] = str.__str__(value)
        elif isinstance(value, int):
            texts[name] = int.__repr__(value)
        elif isinstance(value, float) and math.isfinite(value):
            texts[name] = float.__repr__(value)
        elif value is None:
            findings.problem(None, f"the value of placeholder {name} is None: give it a value, or leave the name out.")
        else:
            findings.problem(
                None, f"the value of placeholder {name} is {quoted(value)}: a string, a number or a boolean is needed."
            )
    return texts


class _Filler:
    def __init__(self, texts: dict[str, str | None]) -> None:
        self.texts = texts
        self.used: set[str] = set()
        self.problems: list[Problem] = []
        self._room = MAX_TEXT

    def value(self, value: Any, path: Path) -> Any:
        # Recursive: the reader has bounded the depth.
        if isinstance(value, str):
            return self.string(value, path) if "<" in value else value
        if isinstance(value, dict):
            for name in value:
                if "<" in name and (found := _PLACEHOLDER.search(name)):
                    self._problem(
                        (path, name),
                        f"{cut(found.group(), 80)} stands in a name; placeholders are filled in values only.",
                    )
            return {name: self.value(child, (path, name)) for name, child in value.items()}
        if isinstance(value, list):
            return [self.value(child, (path, index)) for index, child in enumerate(value)]
        return value

    def string(self, text: str, path: Path) -> str:
        missing: dict[str, str] = {}

        def replace(match: re.Match[str]) -> str:
            name = match.group(1) or match.group(2)
            if name not in self.texts:
                missing[name] = match.group()
                return match.group()
            self.used.add(name)
            replacement = self.texts[name] or ""
            self._room -= len(replacement)
            # Few placeholders with a huge value could fill the memory before the size of the result is looked at.
            return replacement if self._room >= 0 else ""

        had_room = self._room >= 0
        result = _PLACEHOLDER.sub(replace, text)
        if missing:
            known = listed(sorted(self.texts))
            self._problem(
                path,
                f"{NO_VALUE} {listed(missing.values())}. Pass one (given: {known}), "
                f'or map a name to itself ({{"BR": "<BR>"}}) when it is meant literally.',
            )
        if had_room and self._room < 0:
            self._problem(path, f"with its placeholders filled the definition is longer than {MAX_TEXT:,} characters.")
        return result

    def _problem(self, path: Path, message: str) -> None:
        self.problems.append(Problem(pointer_of(path), message))
