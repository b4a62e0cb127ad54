"""What is news to a watcher, and what it remembers of that: each piece of news is told once, also over restarts.

A memory is changed in two steps. `news` says what to tell, and nothing is told twice by one process; `told` says that
Airflow has it, and only then `kept` has it, too. Who dies between the two tells it again, and never loses it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

REMEMBERED = 2_000
"""Keys that are kept: more finished things than these should have been collected long before."""
SEEN = 20_000
"""Keys that the running process knows; a later change of such a thing is no news."""


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of what is seen. ``payload`` is what is told of it; None: it is only noted."""

    key: str
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Items that were seen at once.

    :param all: they are all that there is; else they have changed.
    :param elsewhere: this is another place than before, where nothing of what is there is news.
    """

    items: tuple[Item, ...]
    all: bool = False
    elsewhere: bool = False


Look = TypeVar("Look")


class Memory(ABC, Generic[Look]):
    """What was told."""

    @abstractmethod
    def recall(self, kept: Any) -> None:
        """Begin with what was kept; None: nothing, so that what is there now is no news."""

    @abstractmethod
    def news(self, look: Look) -> list[dict[str, Any]]:
        """What of a look is to be told now."""

    @abstractmethod
    def told(self, look: Look) -> None:
        """What was to be told of a look is in Airflow's database."""

    @abstractmethod
    def kept(self) -> Any:
        """What is to be kept, as JSON; None: nothing yet."""


class Latest(Memory[Item]):
    """Of one thing that has versions: each is news when it is another than the one before.

    That there is none (no payload) makes the first one news, and that the same one comes back does not.
    """

    def __init__(self) -> None:
        self._last: str | None = None
        self._kept: str | None = None

    def recall(self, kept: Any) -> None:
        self._last = self._kept = kept if isinstance(kept, str) else None

    def news(self, look: Item) -> list[dict[str, Any]]:
        before = self._last
        if look.payload is None:
            self._last = look.key if before is None else before
            return []
        self._last = look.key
        return [] if before in (None, look.key) else [look.payload]

    def told(self, look: Item) -> None:
        if look.payload is not None or self._kept is None:
            self._kept = look.key

    def kept(self) -> str | None:
        return self._kept


class Each(Memory[Seen]):
    """Of many things: each is news once."""

    def __init__(self) -> None:
        self._recalled: frozenset[str] | None = None
        self._seen: dict[str, None] = {}
        self._kept: dict[str, None] | None = None

    def recall(self, kept: Any) -> None:
        self._recalled = frozenset(kept) if isinstance(kept, list) else None
        self._kept = None if self._recalled is None else dict.fromkeys(kept)

    def news(self, look: Seen) -> list[dict[str, Any]]:
        known = None if look.elsewhere else self._recalled
        fresh = [item for item in look.items if item.key not in self._seen]
        _add(self._seen, fresh, SEEN)
        if known is None and look.all:
            self._recalled = frozenset()
            return []
        return [item.payload for item in fresh if item.payload is not None and item.key not in (known or ())]

    def told(self, look: Seen) -> None:
        self._kept = {} if self._kept is None else self._kept
        _add(self._kept, look.items, REMEMBERED)

    def kept(self) -> list[str] | None:
        return None if self._kept is None else list(self._kept)


def _add(keys: dict[str, None], items: Iterable[Item], most: int) -> None:
    """Note keys, in the order in which they came, and forget the oldest beyond so many."""
    keys.update(dict.fromkeys(item.key for item in items))
    while len(keys) > most:
        del keys[next(iter(keys))]


@dataclass(frozen=True, slots=True)
class Told:
    """An event of an asset, as Airflow's database has it."""

    extra: Mapping[str, Any]
    at: datetime
    asset: str


def all_repeated(started_by: Sequence[Told], events: Iterable[Told]) -> bool:
    """Whether each event that has started a run says what an earlier one has said. A run without any goes on.

    :param events: those of the same assets that Airflow has, the later ones and these themselves among them.
    """
    told = list(events)
    return bool(started_by) and all(
        any(one.asset == event.asset and one.at < event.at and one.extra == event.extra for one in told)
        for event in started_by
    )
