"""A watcher tells each piece of news once, and over a restart never less than once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_ack_sagemaker.core.run.news import SEEN, Each, Item, Latest, Seen, Told, all_repeated


def item(key: str) -> Item:
    return Item(key, {"key": key})


def keys(payloads: list[dict[str, str]]) -> list[str]:
    return [payload["key"] for payload in payloads]


def latest(kept: object = None) -> Latest:
    memory = Latest()
    memory.recall(kept)
    return memory


def each(kept: object = None) -> Each:
    memory = Each()
    memory.recall(kept)
    return memory


def test_the_first_version_that_is_seen_is_known_and_each_other_one_is_news() -> None:
    memory = latest()
    found = [keys(memory.news(item(key))) for key in ("a", "a", "b", "b", "a")]
    assert found == [[], [], ["b"], [], ["a"]]


def test_a_version_is_kept_only_once_it_was_told() -> None:
    memory = latest("a")
    assert keys(memory.news(item("b"))) == ["b"]
    assert memory.kept() == "a"
    assert keys(latest(memory.kept()).news(item("b"))) == ["b"], "whoever died in between tells it again"
    memory.told(item("b"))
    assert keys(latest(memory.kept()).news(item("b"))) == []


def test_what_comes_where_nothing_was_is_news_and_what_comes_back_is_not() -> None:
    memory = latest()
    assert memory.news(Item("")) == []
    memory.told(Item(""))
    assert keys(latest(memory.kept()).news(item("a"))) == ["a"]
    assert keys(memory.news(item("a"))) == ["a"]
    memory.told(item("a"))
    assert memory.news(Item("")) == []
    memory.told(Item(""))
    assert (memory.kept(), memory.news(item("a"))) == ("a", [])


def test_what_is_there_at_first_is_known_and_what_comes_is_news_once() -> None:
    memory = each()
    assert memory.news(Seen((item("old"),), all=True)) == []
    assert keys(memory.news(Seen((item("new"),)))) == ["new"]
    assert memory.news(Seen((item("new"),))) == memory.news(Seen((item("old"),))) == []


def test_what_has_come_since_the_memory_was_kept_is_news() -> None:
    memory = each()
    first = Seen((item("old"), Item("of no interest")), all=True)
    memory.news(first)
    memory.told(first)
    assert memory.kept() == ["old", "of no interest"]
    memory.news(Seen((item("told"),)))
    memory.told(Seen((item("told"),)))
    memory.news(Seen((item("lost"),)))
    again = Seen(tuple(item(key) for key in ("old", "told", "lost", "new")), all=True)
    assert keys(each(memory.kept()).news(again)) == ["lost", "new"]


def test_nothing_is_news_of_another_place() -> None:
    memory = each(["old"])
    assert keys(memory.news(Seen((item("old"), item("new")), all=True))) == ["new"]
    assert memory.news(Seen((item("theirs"),), all=True, elsewhere=True)) == []
    assert keys(memory.news(Seen((item("later"),)))) == ["later"]


@pytest.mark.parametrize("kept", [3, {"a": 1}, True])
def test_a_memory_that_cannot_be_read_is_none(kept: object) -> None:
    assert latest(kept).news(item("a")) == []
    assert each(kept).news(Seen((item("a"),), all=True)) == []


def test_memories_are_bounded() -> None:
    memory = each([])
    many = Seen(tuple(item(str(number)) for number in range(SEEN + 10)), all=True)
    assert len(memory.news(many)) == SEEN + 10
    memory.told(many)
    kept = memory.kept()
    assert kept is not None
    assert kept[-1] == str(SEEN + 9)
    assert len(kept) == 2_000


NOW = datetime(2026, 11, 1, tzinfo=UTC)


def told(payload: str, seconds: int, asset: str = "definition") -> Told:
    return Told({"from_trigger": True, "payload": payload}, NOW + timedelta(seconds=seconds), asset)


def test_a_run_is_a_repetition_if_all_that_has_started_it_was_told_before() -> None:
    first, second, again = told("v1", 0), told("v2", 10), told("v1", 20)
    events = [first, second, again]
    assert all_repeated([again], events)
    assert not all_repeated([first], events)
    assert not all_repeated([second, again], events), "one of them is news"
    assert not all_repeated([again], [again, told("v1", 0, "another asset")])
    assert not all_repeated([], events), "somebody has started it"
