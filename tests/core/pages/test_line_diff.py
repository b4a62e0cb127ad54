"""A difference is right whatever it compares, and the work for it grows with the texts only."""

from __future__ import annotations

import difflib
import random

import pytest

from airflow_ack_sagemaker.core.pages.line_diff import unified


def patched(old: list[str], difference: list[str]) -> list[str]:
    """What a unified difference makes of a text."""
    new, at = [], 0
    for line in difference[2:]:
        if line.startswith("@@"):
            place = line.split(" ")[1][1:].split(",")
            start = int(place[0]) - (0 if place[1:] == ["0"] else 1)
            new += old[at:start]
            at = start
        elif line[0] == "+":
            new.append(line[1:])
        else:
            assert old[at] == line[1:]
            new += [old[at]] if line[0] == " " else []
            at += 1
    return new + old[at:]


@pytest.mark.parametrize("seed", range(200))
def test_applied_to_the_old_text_it_gives_the_new_one(seed: int) -> None:
    rng = random.Random(seed)
    letters = "abcdefghijklmnop"[: rng.randint(1, 16)]
    old, new = ([rng.choice(letters) * rng.randint(1, 2) for _ in range(rng.randint(0, 60))] for _ in range(2))
    found = list(unified(old, new, ("old", "new"), rng.randint(0, 4)))
    assert patched(old, found) == new
    assert (found == []) is (old == new)


def test_it_reads_as_difflib_writes_it() -> None:
    old = [f"line {number}" for number in range(40)]
    new = [*old[:10], "another", *old[11:30], *old[33:]]
    assert list(unified(old, new, ("a", "b"), 3)) == list(difflib.unified_diff(old, new, "a", "b", lineterm="", n=3))


class Counted(str):
    """A line that counts how often it is compared with another."""

    __slots__ = ()
    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("kind", ["reversed", "all alike", "shuffled", "twice", "nothing alike"])
def test_the_work_grows_with_the_texts_only(kind: str) -> None:
    def work(size: int) -> int:
        lines = [f'"epochs": {number}' for number in range(size)]
        old, new = {
            "reversed": (lines, lines[::-1]),
            "all alike": (["},"] * size, ["},"] * (size - size // 3) + ["x"]),
            "shuffled": (lines, random.Random(1).sample(lines, size)),
            "twice": (lines + lines, lines[::-1] + lines),
            "nothing alike": (lines, [f"{line}!" for line in lines]),
        }[kind]
        Counted.compared = 0
        assert list(unified([Counted(line) for line in old], [Counted(line) for line in new], ("a", "b"), 3))
        return Counted.compared

    assert work(8_000) <= 5 * work(2_000) + 1_000
