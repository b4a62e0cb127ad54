"""The house as a whole: no long module, a sentence about each, and docs that lead to real files.

Which layer may import which other one is in `pyproject.toml` (``tool.importlinter``).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import airflow_ack_sagemaker

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_ack_sagemaker"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400
"""Lines of a module: one idea fits, and a reader sees its end."""
_PATH = re.compile(r"[\w.\-]+(?:/[\w.\-]+)*(?:/|\.(?:py|md|toml|yaml|ts|txt))")
"""A file, or a folder with a slash at its end, as a document names it."""


def named(document: str) -> list[str]:
    """The files and folders that a document names as code or as the target of a link."""
    text = (ROOT / document).read_text()
    words = [*re.findall(r"`([^`\s]+)`", text), *re.findall(r"\]\(([^)#\s]+)", text)]
    words += [
        word for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for word in block.split()
    ]
    return sorted({word.strip(",;:()[]\"'") for word in words if _PATH.fullmatch(word.strip(",;:()[]\"'"))})


def exists(path: str) -> bool:
    """Whether it is there: from the root, from the package, or from the folder of the documents."""
    return any((base / path).exists() for base in (ROOT, PACKAGE, ROOT / "docs"))


def test_the_package_is_the_one_of_this_checkout() -> None:
    assert Path(airflow_ack_sagemaker.__file__).parent == PACKAGE
    assert len(MODULES) > 100


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    long = [f"{name}: {lines} lines" for name, lines in lengths.items() if lines > LONGEST]
    assert not long, f"more than {LONGEST} lines: cut it where it holds two ideas: {long}"


def test_each_module_says_what_it_is() -> None:
    silent = [str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent, f"without a docstring: {silent}"


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_a_document_names_only_files_that_exist(document: str) -> None:
    paths = named(document)
    assert len(paths) > 10
    missing = [path for path in paths if not exists(path)]
    assert not missing, f"{document} names what is not there: {missing}"


def test_the_check_of_documents_sees_what_is_not_there() -> None:
    assert exists("core/run/decision.py")
    assert exists("airflow_ack_sagemaker/core/")
    assert not exists("core/run/decisions.py")
    assert _PATH.fullmatch("core/run/decisions.py")
    assert _PATH.fullmatch("core/run/")
    assert not _PATH.fullmatch("core.run")
