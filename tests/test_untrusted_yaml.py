"""YAML of others: what it takes to read it follows from its length, and what is wrong with it is one kind of error."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.untrusted_yaml import MAX_ADDED, MAX_DEPTH, UntrustedYamlError, documents_in
from tests.support.turns import counted

BOMB = "a0: &a0 [x]\n" + "".join(f"a{one}: &a{one} [*a{one - 1}, *a{one - 1}]\n" for one in range(1, 60))


def test_what_is_usual_is_read() -> None:
    assert documents_in("") == []
    assert documents_in("a: 1\n---\n- b: 1.5\n- '<<'\n- 2026-13\n- !!str 5") == [
        {"a": 1}, [{"b": 1.5}, "<<", "2026-13", "5"],
    ]  # fmt: skip
    assert documents_in(b'{"a": [true, null, "*b"]}') == [{"a": [True, None, "*b"]}]


def test_aliases_are_read_where_they_may_be() -> None:
    text = "base: &base {x: 1}\none: {<<: *base, y: 2}\ntwo: *base\n---\nbase: &base z\none: *base"
    assert documents_in(text, aliases=MAX_ADDED) == [
        {"base": {"x": 1}, "one": {"x": 1, "y": 2}, "two": {"x": 1}},
        {"base": "z", "one": "z"},
    ]
    # What they stand for is counted, with all that stands in it.
    repeated = f"a: &a [{'x' * 98}]\nb: &b [*a, *a]\nc: [*b]"
    assert documents_in(repeated, aliases=401)[0]["c"] == [[["x" * 98]] * 2]
    with pytest.raises(UntrustedYamlError, match="stand for more than 400 characters"):
        documents_in(repeated, aliases=400)


@pytest.mark.parametrize("aliases", [0, MAX_ADDED])
@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a [*a, *a]",
        "a: &a {b: *a}",
        "a: &a {<<: *a}",
        "<<: {a: 1}\n" * 2_000,
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "[" * 500_000,
        "- " * 500_000,
        "{a: " * 500_000,
        "a: 1" + ":1" * 500_000,
        "a: 1" + ":1" * 500_000 + ".5",
        "a: " + "9" * 5_000,
        "".join(f"{number * (2**61 - 1)}: 0\n" for number in range(1, 1_000)),
        "<<: {" + ", ".join(f"{number * (2**61 - 1)}: 0" for number in range(1, 1_000)) + "}",
        "!!int ''",
        "!!int 1" + "_" * 5_000,
        "!!bool x",
        "!!timestamp x",
        "!!float ''",
        "a: 2026-02-31",
        "!!python/name:os.system x",
        "? [a]\n: b",
        "a: *b",
        "a: \ud800",
        "token: [sesame",
    ],
    ids=lambda text: repr(text[:30]) if isinstance(text, str) else str(text),
)
def test_what_is_more_is_refused_at_once(text: str, aliases: int) -> None:
    """Counted in calls of functions, and none grows with the text. (A nested one ended the process.)"""
    with counted() as turns, pytest.raises(UntrustedYamlError) as error:
        documents_in(text, aliases=aliases)
    assert turns.calls < 100_000
    if error.value.reason:
        assert "sesame" not in str(error.value)
        assert len(str(error.value)) < 200


def test_it_is_said_where() -> None:
    with pytest.raises(UntrustedYamlError, match=r"alias .* \(line 2, column 4\)") as error:
        documents_in("a: &a [x]\nb: *a")
    assert error.value.place == "line 2, column 4"
    with pytest.raises(UntrustedYamlError, match="line 1, column 8") as error:
        documents_in("token: [sesame")
    assert not error.value.reason
