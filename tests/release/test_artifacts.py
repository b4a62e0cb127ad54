"""Wheel and sdist: the same bytes wherever and whenever they are built, and nothing in them but what belongs there."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from airflow_ack_sagemaker import __version__
from tests.release.artifacts import build, copy, tracked

PACKAGE = "airflow_ack_sagemaker"
NAME = f"{PACKAGE}-{__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("release")
    return build(copy(folder / "source", time=1.7e9, mask=0o022), folder / "dist", TZ="UTC")


def test_they_are_the_same_elsewhere_and_later(built: dict[str, Path], tmp_path: Path) -> None:
    source = copy(tmp_path / "another" / "folder", time=1.8e9, mask=0o077)
    again = build(source, tmp_path / "dist", TZ="Asia/Tokyo", LANG="C", PYTHONHASHSEED="7")
    assert again.keys() == built.keys() == {"whl", "gz"}
    for kind, path in built.items():
        assert again[kind].name == path.name
        assert again[kind].read_bytes() == path.read_bytes(), kind


def test_the_wheel_of_the_sdist_is_the_wheel(built: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(built["gz"]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    again = build(tmp_path / NAME, tmp_path / "dist")
    assert again["whl"].read_bytes() == built["whl"].read_bytes()


def test_the_wheel_has_the_package_and_nothing_else(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["whl"]) as wheel:
        names = set(wheel.namelist())
    about = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    package = {name for name in tracked() if name.startswith(f"{PACKAGE}/")}
    assert f"{PACKAGE}/py.typed" in package
    assert names == package | about | {f"{NAME}.dist-info/licenses/LICENSE"}


def test_the_sdist_has_what_is_documented_and_no_tests(built: dict[str, Path]) -> None:
    with tarfile.open(built["gz"]) as sdist:
        names = {member.name.removeprefix(f"{NAME}/") for member in sdist.getmembers() if member.isfile()}
    folders = (f"{PACKAGE}/", "dags/", "docs/")
    single = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert names == single | {name for name in tracked() if name.startswith(folders)}
