"""The oldest versions that are supported have none of the holes that docs/security.md calls mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PINS = {
    name: Version(version)
    for name, version in re.findall(
        r"^([a-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==([^\s;]+)",
        (ROOT / "constraints" / "floor.txt").read_text(),
        re.MULTILINE,
    )
}
HEAD = "| package | at the floor | the holes that are known are mended in |"
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in (ROOT / "docs" / "security.md").read_text().split(HEAD)[1].split("\n\n")[0].splitlines()[2:]
]
MENDED = re.compile(r"([A-Za-z-]+) (\d[\d.]*) \((?:CVE|PYSEC)-")


def pin(name: str) -> Version:
    return PINS[{"airflow": "apache-airflow"}.get(name.lower(), name.lower())]


@pytest.mark.parametrize(
    ("name", "version", "is_mended"),
    [
        (name, version, "**not mended**" not in mended)
        for _, _, mended in ROWS
        for name, version in MENDED.findall(mended)
    ],
)
def test_the_floor_is_mended_where_the_table_says_so(name: str, version: str, is_mended: bool) -> None:
    assert (pin(name) >= Version(version)) is is_mended


@pytest.mark.parametrize(("packages", "versions"), [row[:2] for row in ROWS if re.search(r"\d", row[1])])
def test_the_floor_is_what_the_table_says(packages: str, versions: str) -> None:
    names = packages.replace("*", "").split(", ")
    assert [str(pin(name)) for name in names] == versions.split(", ")


def test_each_hole_has_the_package_that_it_is_in() -> None:
    """A version without a name would be compared with nothing."""
    for packages, _, mended in ROWS:
        assert len(MENDED.findall(mended)) == len(re.findall(r"\d \((?:CVE|PYSEC)-", mended)), packages
    assert sum(len(MENDED.findall(row[2])) for row in ROWS) > 8


def test_what_is_to_be_the_newest_is_a_part_of_the_floor() -> None:
    """A name that is misspelt, or no longer needed, would hold back nothing."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    fixed = re.search(r"^FLOOR_FIXED := (.+)$", makefile, re.MULTILINE)
    assert fixed is not None
    assert {name for name in fixed[1].split() if name not in PINS} == set()
