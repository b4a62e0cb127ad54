"""The type declarations of one TypeScript file, and how an answer differs from them.

It reads what `ui/src/api/types.ts` uses, and refuses the rest: exported type aliases of object types, unions, literals,
arrays and `Partial<Record<key, value>>`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r'\s+|//[^\n]*|/\*.*?\*/|(?P<token>"[^"]*"|[A-Za-z_]\w*|\[\]|[{}<>|;:,=?()])', re.DOTALL)
_PRIMITIVES: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}


@dataclass(frozen=True)
class Name:
    """A primitive, or another declared type."""

    name: str


@dataclass(frozen=True)
class Literal:
    """One string."""

    text: str


@dataclass(frozen=True)
class Array:
    """`item[]`."""

    item: Type


@dataclass(frozen=True)
class Map:
    """`Partial<Record<key, value>>`."""

    key: Type
    value: Type


@dataclass(frozen=True)
class Union:
    """`one | another`."""

    options: tuple[Type, ...]


@dataclass(frozen=True)
class Fields:
    """An object with exactly these fields; `called` is what it is called in messages."""

    called: str
    fields: Mapping[str, Type] = field(hash=False)


Type = Name | Literal | Array | Map | Union | Fields


def read(text: str) -> dict[str, Type]:
    """The exported types of a file, by name.

    :raises ValueError: it has something that is not known here.
    """
    return _Parser(text).file()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def file(self) -> dict[str, Type]:
        found: dict[str, Type] = {}
        while self._at < len(self._tokens):
            for word in ("export", "type"):
                self._expect(word)
            name = self._next()
            self._expect("=")
            found[name] = self._union(name)
            self._expect(";")
        return found

    def _union(self, called: str) -> Type:
        self._skip("|")
        options = [self._array(called)]
        while self._skip("|"):
            options.append(self._array(called))
        return options[0] if len(options) == 1 else Union(tuple(options))

    def _array(self, called: str) -> Type:
        found = self._one(called)
        while self._skip("[]"):
            found = Array(found)
        return found

    def _one(self, called: str) -> Type:
        token = self._next()
        if token == "(":
            inner = self._union(called)
            self._expect(")")
            return inner
        if token == "{":
            return self._fields(called)
        if token.startswith('"'):
            return Literal(token[1:-1])
        if token == "Partial":
            for expected in ("<", "Record", "<"):
                self._expect(expected)
            key = self._union(called)
            self._expect(",")
            value = self._union(called)
            for expected in (">", ">"):
                self._expect(expected)
            return Map(key, value)
        if not token.isidentifier():
            raise ValueError(f"{called}: {token!r} is no type that is known here")
        return Name(token)

    def _fields(self, called: str) -> Type:
        fields: dict[str, Type] = {}
        while not self._skip("}"):
            name = self._next()
            self._expect(":")
            fields[name] = self._union(f"{called}.{name}")
            if not self._skip(";"):
                self._expect("}")
                break
        return Fields(called, fields)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, token: str) -> bool:
        found = self._tokens[self._at] == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise ValueError(f"{token!r} is expected, not {found!r}, after {self._tokens[self._at - 8 : self._at - 1]}")


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not known here: {text[at : at + 40]!r}")
        if found["token"]:
            yield found["token"]
        at = found.end()


class Comparison:
    """Compares answers with declared types, and remembers what it has seen of each field."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self._types = types
        self._seen: defaultdict[tuple[str, str], set[bool]] = defaultdict(set)
        """Field -> whether it was null."""

    def differences(self, name: str, value: Any) -> list[str]:
        """What is wrong with a value of a declared type: one line for each place."""
        return list(self._compare(Name(name), value, name))

    def unseen(self, *names: str) -> set[str]:
        """The fields below these types that no answer had (`Type.field`), or never as null where they may be
        (`Type.field: null`).
        """
        missing = set()
        for called, fields in self._below(names).items():
            for key, kind in fields.items():
                seen = self._seen[called, key]
                if False not in seen:
                    missing.add(f"{called}.{key}")
                if self._nullable(kind) and True not in seen:
                    missing.add(f"{called}.{key}: null")
        return missing

    def _nullable(self, kind: Type) -> bool:
        return isinstance(kind, Union) and Name("null") in kind.options

    def _below(self, names: tuple[str, ...]) -> dict[str, Mapping[str, Type]]:
        found: dict[str, Mapping[str, Type]] = {}
        waiting: list[Type] = [Name(name) for name in names]
        while waiting:
            match waiting.pop():
                case Name(name) if name in self._types:
                    waiting.append(self._types[name])
                case Array(item):
                    waiting.append(item)
                case Map(key, value):
                    waiting += [key, value]
                case Union(options):
                    waiting += options
                case Fields(called, fields) if called not in found:
                    found[called] = fields
                    waiting += fields.values()
        return found

    def _compare(self, kind: Type, value: Any, where: str) -> Iterator[str]:
        match kind:
            case Name(name) if name in self._types:
                yield from self._compare(self._types[name], value, where)
            case Name("null"):
                if value is not None:
                    yield f"{where}: {value!r} is not null"
            case Name(name):
                if not isinstance(value, _PRIMITIVES[name]) or (name == "number" and isinstance(value, bool)):
                    yield f"{where}: {value!r} is no {name}"
            case Literal(text):
                if value != text:
                    yield f"{where}: {value!r} is not {text!r}"
            case Union(options):
                attempts = [list(self._compare(option, value, where)) for option in options]
                if all(attempts):
                    # An object that is not right says where; anything else is none of them.
                    objects = [found for found in attempts if not found[0].startswith(f"{where}: ")]
                    yield from objects[0] if objects else [f"{where}: {value!r} is none of its types"]
            case Array(item):
                if not isinstance(value, list):
                    yield f"{where}: {value!r} is no array"
                    return
                for index, one in enumerate(value):
                    yield from self._compare(item, one, f"{where}[{index}]")
            case Map(key, content):
                if not isinstance(value, dict):
                    yield f"{where}: {value!r} is no object"
                    return
                for name, one in value.items():
                    yield from self._compare(key, name, f"{where} (key)")
                    yield from self._compare(content, one, f"{where}.{name}")
            case Fields(called, fields):
                yield from self._compare_fields(called, fields, value, where)

    def _compare_fields(self, called: str, fields: Mapping[str, Type], value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no object"
            return
        yield from (f"{where}.{name}: missing" for name in fields.keys() - value.keys())
        yield from (f"{where}.{name}: not declared" for name in value.keys() - fields.keys())
        for name in fields.keys() & value.keys():
            self._seen[called, name].add(value[name] is None)
            yield from self._compare(fields[name], value[name], f"{where}.{name}")
