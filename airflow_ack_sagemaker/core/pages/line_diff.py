"""A unified difference of two lists of lines, in a time that grows with their length only.

The lines that stand exactly once in both texts are taken for the same, as far as they stand in the same order (patience
sorting); then the same between each two of them. `difflib` compares each line with each: for a definition of 18 KB that
took seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_ROUNDS = 12
"""How often a part is divided: each round looks at each line once or twice."""


def unified(old: Sequence[str], new: Sequence[str], names: tuple[str, str], context: int) -> Iterator[str]:
    """The lines of a unified difference; none where both are the same.

    :param names: what the two are called.
    :param context: unchanged lines around each change.
    """
    blocks = _Blocks(old, new)
    for number, group in enumerate(blocks.get_grouped_opcodes(context)):
        if not number:
            yield f"--- {names[0]}"
            yield f"+++ {names[1]}"
        yield f"@@ -{_range(group[0][1], group[-1][2])} +{_range(group[0][3], group[-1][4])} @@"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[old_start:old_end])
                continue
            yield from (f"-{line}" for line in old[old_start:old_end])
            yield from (f"+{line}" for line in new[new_start:new_end])


class _Blocks(SequenceMatcher[str]):
    """Difflib's grouping of changes, on blocks that are found otherwise."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, "", "", autojunk=False)
        self.a, self.b = old, new
        self._found = _joined(sorted(_pairs(old, new)), len(old), len(new))

    def get_matching_blocks(self) -> list[tuple[int, int, int]]:  # type: ignore[override]
        return self._found


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of lines that are the same in both."""
    parts = [(0, len(old), 0, len(new), 0)]
    while parts:
        old_start, old_end, new_start, new_end, rounds = parts.pop()
        while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
            yield old_start, new_start
            old_start, new_start = old_start + 1, new_start + 1
        while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
            old_end, new_end = old_end - 1, new_end - 1
            yield old_end, new_end
        if old_start == old_end or new_start == new_end or rounds == _ROUNDS:
            continue
        anchors = _anchors(old, new, old_start, old_end, new_start, new_end)
        if not anchors:
            continue
        for old_place, new_place in [*anchors, (old_end, new_end)]:
            parts.append((old_start, old_place, new_start, new_place, rounds + 1))
            old_start, new_start = old_place, new_place


def _anchors(
    old: Sequence[str], new: Sequence[str], old_start: int, old_end: int, new_start: int, new_end: int
) -> list[tuple[int, int]]:
    """The longest row of lines that stand once in each of both parts, in one order."""
    in_old, in_new = Counter(old[old_start:old_end]), Counter(new[new_start:new_end])
    place = {new[at]: at for at in range(new_start, new_end) if in_new[new[at]] == 1 and in_old[new[at]] == 1}
    ends: list[int] = []
    last: list[tuple[int, int]] = []
    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    for at in range(old_start, old_end):
        if (other := place.get(old[at])) is None:
            continue
        length = bisect_left(ends, other)
        pair = (at, other)
        before[pair] = last[length - 1] if length else None
        # One place is written: what stands behind it stays.
        ends[length : length + 1], last[length : length + 1] = [other], [pair]
    found: list[tuple[int, int]] = []
    pair_or_none = last[-1] if last else None
    while pair_or_none is not None:
        found.append(pair_or_none)
        pair_or_none = before[pair_or_none]
    return found[::-1]


def _joined(pairs: Sequence[tuple[int, int]], old_length: int, new_length: int) -> list[tuple[int, int, int]]:
    blocks: list[tuple[int, int, int]] = []
    for old, new in pairs:
        if blocks and (blocks[-1][0] + blocks[-1][2], blocks[-1][1] + blocks[-1][2]) == (old, new):
            blocks[-1] = (*blocks[-1][:2], blocks[-1][2] + 1)
        else:
            blocks.append((old, new, 1))
    return [*blocks, (old_length, new_length, 0)]


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1 if length else start},{length}" if length != 1 else f"{start + 1}"
