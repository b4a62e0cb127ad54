"""Reading kubeconfig files: merge them, pick a context, resolve relative paths. No credential is used or fetched here.

Where kubectl and the Python client differ, the Python client is followed, because the provider's hook uses it and one
Airflow connection must mean one thing: of several files the *last* ``current-context`` counts, a ``token`` wins over a
``tokenFile``, and an ``exec`` plugin runs in the directory of its kubeconfig. What that client ignores although it is
written in the file is honoured here: ``proxy-url``, impersonation, certificates from exec plugins that rotate.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_ack_sagemaker.core.printable import cut, quoted
from airflow_ack_sagemaker.kube.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Entry:
    """A named entry of a kubeconfig and the directory that its relative paths start from."""

    name: str
    values: Mapping[str, Any] = field(repr=False)
    base: str

    def text(self, key: str) -> str:
        """The string under ``key``, "" where there is none.

        :raises ConfigError: something else is there.
        """
        return text_of(self.values.get(key), f"The kubeconfig's {key} of {quoted(self.name)}")

    def path(self, key: str) -> str:
        """The file that ``key`` names, "" where it names none."""
        value = self.text(key)
        return os.path.normpath(os.path.join(self.base, value)) if value else ""

    def bytes(self, key: str) -> bytes:
        """What the base64 text under ``key`` encodes."""
        try:
            return base64.b64decode(self.text(key), validate=False)
        except ValueError:
            raise ConfigError(f"The kubeconfig's {key} of {quoted(self.name)} is not base64.") from None


@dataclass(frozen=True, slots=True)
class Selected:
    """What one context of a kubeconfig chooses. ``namespace`` is "" where the context names none."""

    context: str
    cluster: Entry
    user: Entry
    namespace: str
    source: str


class Kubeconfig:
    """One or several kubeconfig files as one: the first definition of a name counts, the last current context does."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.current_context = ""
        self._entries: dict[str, dict[str, Entry]] = {"clusters": {}, "users": {}, "contexts": {}}

    def add(self, content: Any, base: str, source: str) -> None:
        """Merge one parsed file."""
        if not isinstance(content, Mapping):
            raise ConfigError(f"{source} is not a kubeconfig: it must be an object with clusters, users and contexts.")
        for section, entries in self._entries.items():
            for item in content.get(section) or []:
                name = item.get("name") if isinstance(item, Mapping) else None
                if not isinstance(name, str):
                    raise ConfigError(f"{source} is not a valid kubeconfig: an entry of {section} has no name.")
                values = item.get(section[:-1]) or {}
                if not isinstance(values, Mapping):
                    raise ConfigError(
                        f"{source} is not a valid kubeconfig: {section[:-1]} of {quoted(name)} is not an object."
                    )
                entries.setdefault(name, Entry(name, values, base))
        self.current_context = (
            text_of(content.get("current-context"), f"current-context of {source}") or self.current_context
        )

    def select(self, context: str | None) -> Selected:
        """The cluster and user of a context, by default of the current one.

        :raises ConfigError: there is no such context, or it points to an entry that is not there.
        """
        wanted = context or self.current_context
        known = cut(", ".join(sorted(self._entries["contexts"])) or "none")
        if not wanted:
            raise ConfigError(
                f"{self.source} has no current-context. Set the connection's cluster_context to one of: {known}."
            )
        chosen = self._entries["contexts"].get(wanted)
        if chosen is None:
            raise ConfigError(f"{self.source} has no context {quoted(wanted)}. Its contexts: {known}.")
        cluster = self._entries["clusters"].get(chosen.text("cluster"))
        if cluster is None:
            raise ConfigError(
                f"Context {quoted(wanted)} of {self.source} names the cluster {quoted(chosen.text('cluster'))}, "
                "which is not there."
            )
        user = Entry("", {}, cluster.base)
        if chosen.text("user"):
            found = self._entries["users"].get(chosen.text("user"))
            if found is None:
                raise ConfigError(
                    f"Context {quoted(wanted)} of {self.source} names the user {quoted(chosen.text('user'))}, "
                    "which is not there."
                )
            user = found
        return Selected(wanted, cluster, user, chosen.text("namespace"), self.source)


def from_paths(paths: Iterable[str], source: str) -> Kubeconfig:
    """Merge the files that exist.

    :raises ConfigError: none exists, or one cannot be read.
    """
    names = [os.path.expanduser(path) for path in paths if path]
    config = Kubeconfig(source)
    existing = [path for path in names if os.path.exists(path)]
    if not existing:
        raise ConfigError(f"No kubeconfig found: {cut(' and '.join(names)) or 'no path'} not there ({source}).")
    for path in existing:
        try:
            text = Path(path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The kubeconfig {path} cannot be read: {_os_reason(error)}.") from None
        if not text.strip():
            raise ConfigError(f"The kubeconfig {path} is empty.")
        config.add(parse_text(text, f"The kubeconfig {path}"), os.path.dirname(os.path.abspath(path)), path)
    return config


def from_content(content: str | Mapping[str, Any], source: str) -> Kubeconfig:
    """A kubeconfig given as text (JSON or YAML) or as an object; its relative paths start from the working
    directory.
    """
    config = Kubeconfig(source)
    config.add(parse_text(content, source) if isinstance(content, str) else content, os.getcwd(), source)
    return config


def parse_text(text: str, source: str) -> Any:
    """Parse JSON or YAML without ever quoting it in an error: it holds credentials."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # a YAML mapping in flow style also starts with a brace
    from airflow_ack_sagemaker.untrusted_yaml import UntrustedYamlError, documents_in

    try:
        # kubectl writes no aliases, and with them each value could be any length.
        content, *others = documents_in(text) or [None]
    except UntrustedYamlError as error:
        where = f" ({error.place})" if error.place else ""
        what = f"cannot be read: {error.reason}" if error.reason else "is neither JSON nor YAML"
        raise ConfigError(f"{source} {what}{where}.") from None
    if others:
        raise ConfigError(f"{source} has {1 + len(others)} YAML documents (---): keep one.")
    return content


def text_of(value: Any, place: str) -> str:
    """A value as text, as Python's client takes it (``0123`` is ``83``), "" where there is none.

    :param place: where it stands, for people; begins the message.
    :raises ConfigError: it is a list, an object, a date, ...
    """
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise ConfigError(f"{place} must be a text, not of type {type(value).__name__}: write it in quotes.")
    return str(value)


def _os_reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
