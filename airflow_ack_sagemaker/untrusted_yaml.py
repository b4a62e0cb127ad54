"""YAML that others have written: its length decides the work that it takes, and not what its writer has in mind.

With PyYAML alone some hundred bytes decide: aliases of aliases grow without end for whoever walks them, deep nesting
overflows the stack of its C loader (which ends the process), numbers of base 60 and merge keys take quadratic time, and
a value that does not fit its tag (``!!int ''``) is an IndexError.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH = 100
"""Collections in one another."""
MAX_ADDED = 3 * 1024 * 1024
"""Characters that the aliases of a manifest may stand for: kube-apiserver takes no longer request."""
_MAX_MERGES = 1_000
_MAX_NUMBER = 400
"""Characters of a number."""
_MAX_KEY = 18
"""Characters of a number that is a key: those of any length can be chosen so that all have one hash."""
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML's constructors raise where a value does not fit its tag, or a date is none."""
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UntrustedYamlError(ValueError):
    """A text is no YAML, or more than is read here.

    ``reason`` quotes nothing of the text, and is "" for a mistake of syntax; ``place`` says where, "" if that is not
    known. The error's own words may quote the text.
    """

    def __init__(self, words: str, mark: Any = None, *, reason: str = "") -> None:
        self.reason = reason
        self.place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        super().__init__(f"{words} ({self.place})" if reason and mark else words)


class _Loader(_BASE):  # type: ignore[misc]
    """PyYAML's safe loader, for numbers that can be ones."""

    def number(self, node: Any) -> Any:
        if len(self.construct_scalar(node)) > _MAX_NUMBER:
            raise _refused(f"it has a number of more than {_MAX_NUMBER} characters: write it in quotes", node)
        return yaml.SafeLoader.yaml_constructors[node.tag](self, node)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, yaml.MappingNode):
            self.flatten_mapping(node)  # what is merged has keys, too
            for key, _ in node.value:
                if key.tag in _NUMBERS and len(key.value) > _MAX_KEY:
                    raise _refused(f"it has a number of more than {_MAX_KEY} characters as a key: quote it", key)
        return super().construct_mapping(node, deep)


for _tag in _NUMBERS:
    _Loader.add_constructor(_tag, _Loader.number)


def documents_in(text: str | bytes, *, aliases: int = 0) -> list[Any]:
    """All documents of a text in YAML, of which JSON is a part.

    :param aliases: how many characters the aliases may stand for; with 0 there may be none, and no merge key.
    :raises UntrustedYamlError: it is none, or more than is read here.
    """
    try:
        check(text, aliases)
        return list(yaml.load_all(text, Loader=_Loader))
    except UntrustedYamlError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise UntrustedYamlError(str(error), mark) from None
    except UNFIT as error:
        raise UntrustedYamlError(f"a value does not fit its type: {error}") from None


def check(text: str | bytes, aliases: int) -> None:
    """Go through a text before anything is built of it, without recursion.

    :param aliases: as in `documents_in`.
    :raises UntrustedYamlError: it is more than is read here.
    :raises yaml.YAMLError: it is no YAML.
    """
    around: list[tuple[str | None, float]] = []  # the anchor of each open collection, and what was there before it
    sizes: dict[str | None, float] = {}  # of what an alias would stand for; of what is still open none is enough
    size = added = merges = 0.0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            if not aliases:
                raise _refused("it has an alias (*name): write out what it stands for", event)
            stands_for = sizes.get(event.anchor, 0)
            size, added = size + stands_for, added + stands_for
            if added > aliases:
                raise _refused(f"its aliases stand for more than {aliases:,} characters", event)
        elif isinstance(event, yaml.ScalarEvent):
            size += 1 + len(event.value)
            if event.anchor:
                sizes[event.anchor] = 1 + len(event.value)
            if event.value == "<<" and event.implicit[0]:
                merges += 1
                if merges > (_MAX_MERGES if aliases else 0):
                    raise _refused("it has a merge key (<<), or too many: write out what it merges", event)
        elif isinstance(event, yaml.CollectionStartEvent):
            around.append((event.anchor, size))
            size += 1
            if event.anchor:
                sizes[event.anchor] = float("inf")
            if len(around) > MAX_DEPTH:
                raise _refused(f"it is nested more than {MAX_DEPTH} deep", event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = around.pop()
            if anchor:
                sizes[anchor] = size - before
        elif isinstance(event, yaml.DocumentStartEvent):
            sizes.clear()


def _refused(reason: str, at: Any) -> UntrustedYamlError:
    return UntrustedYamlError(reason, at.start_mark, reason=reason)
