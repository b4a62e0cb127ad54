"""The house as a whole: no circle of imports, no long module, a sentence about each, and docs that lead to real files.

Which layer may import which other one is in `pyproject.toml` (``tool.importlinter``).
"""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import airflow_ack_sagemaker

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_ack_sagemaker"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400
"""Lines of a module: one idea fits, and a reader sees its end."""
_PATH = re.compile(r"[\w.\-]+(?:/[\w.\-]+)*(?:/|\.(?:py|md|toml|yaml|ts|txt|png|svg))")
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


def test_no_imports_go_round_in_a_circle() -> None:
    graph = grimp.build_graph("airflow_ack_sagemaker", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, imports.values())) > len(MODULES)
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"These modules import each other in a circle: {' <- '.join(error.args[1])}")


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    long = [f"{name}: {lines} lines" for name, lines in lengths.items() if lines > LONGEST]
    assert not long, f"more than {LONGEST} lines: cut it where it holds two ideas: {long}"


def test_one_place_deletes_what_stands_in_the_cluster() -> None:
    calls = re.compile(r"\bclient\.delete\(")
    found = {str(path.relative_to(PACKAGE)) for path in MODULES if calls.search(path.read_text())}
    assert found == {"kube/deletion.py"}, "use delete_if_same: it forgives what is gone, and deletes nothing younger"


def test_one_place_reads_raw_objects() -> None:
    """What the API client and the sandbox's servers do with them is not reading: there they are made and checked."""
    reads = re.compile(r"""\.get\(["'](?:metadata|spec)["']\)|\(["']status["']\) or \{""")
    found = {str(path.relative_to(PACKAGE)) for path in MODULES if reads.search(path.read_text())}
    rooms = ("kube/", "sandbox/")
    assert {name for name in found if not name.startswith(rooms)} == {"core/resource/fields.py"}


def test_each_module_says_what_it_is() -> None:
    silent = [str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent, f"without a docstring: {silent}"


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize(
    ("document", "at_least"),
    [
        ("docs/architecture.md", 50),
        ("docs/comparison.md", 6),
        ("CONTRIBUTING.md", 15),
        ("README.md", 6),
        ("docs/ui.md", 10),
    ],
)
def test_a_document_names_only_files_that_exist(document: str, at_least: int) -> None:
    paths = named(document)
    assert len(paths) >= at_least
    missing = [path for path in paths if not exists(path)]
    assert not missing, f"{document} names what is not there: {missing}"


def test_the_check_of_documents_sees_what_is_not_there() -> None:
    assert exists("core/run/decision.py")
    assert exists("airflow_ack_sagemaker/core/")
    assert not exists("core/run/decisions.py")
    assert _PATH.fullmatch("core/run/decisions.py")
    assert _PATH.fullmatch("core/run/")
    assert not _PATH.fullmatch("core.run")
