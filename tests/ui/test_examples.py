"""Each DAG in dags/ has a picture, and its place on the page of the examples.

``make screenshots`` puts the pictures into docs/ui.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.airflow_processes import AirflowProcesses
from tests.ui.browser import Chromium
from tests.ui.graphs import draw

ROOT = Path(__file__).parents[2]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "dags").glob("*.py"))}


@pytest.mark.parametrize("dag_id", EXAMPLES)
def test_an_example_has_a_picture(chromium: Chromium, airflow: AirflowProcesses, tmp_path: Path, dag_id: str) -> None:
    draw(dag_id, chromium, airflow, tmp_path)


def test_the_page_of_examples_has_each_with_its_own_words() -> None:
    page = (ROOT / "docs" / "examples.md").read_text()
    for dag_id, path in EXAMPLES.items():
        said = ast.get_docstring(ast.parse(path.read_text()))
        assert f"## [{dag_id}](../dags/{dag_id}.py)\n\n{said}\n\n![" in page
        assert f"](ui/dag-{dag_id}.png)" in page
