"""The commands about definitions, which need no cluster."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest
import yaml

from airflow_ack_sagemaker.cli.positions import place_of, positions
from airflow_ack_sagemaker.core.definition.parse import parse_definition
from tests.cli.world import DEFINITION, ROLE, Cli

NESTED = Path(__file__).parents[1] / "core" / "definition" / "definitions" / "nested-conditions.json"
CONDITION = Path(__file__).parents[1] / "core" / "definition" / "definitions" / "abalone.json"


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "abalone.json"
    path.write_text(DEFINITION)
    return path


def test_render(alone: Cli, definition: Path) -> None:
    said = alone.done("render", str(definition), "--pipeline", "Abalone", "--role-arn", ROLE, "--tag", "team=ml")
    manifest = yaml.safe_load(said.out)
    parsed = parse_definition(DEFINITION)
    assert manifest["metadata"]["name"] == "abalone"
    assert "namespace" not in manifest["metadata"], "kubectl takes its own"
    assert manifest["metadata"]["annotations"]["airflow-ack-sagemaker/definition-sha256"] == parsed.sha256
    assert manifest["metadata"]["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
    assert manifest["spec"] == {
        "pipelineName": "Abalone",
        "roleARN": ROLE,
        "pipelineDefinition": parsed.text,
        "tags": [{"key": "team", "value": "ml"}],
    }
    options = ["--pipeline", "Abalone", "--role-arn", ROLE]
    as_json = alone.done("render", str(definition), *options, "-o", "json", "-n", "ml").json
    assert as_json["metadata"]["namespace"] == "ml"
    assert alone.done("render", str(definition), *options, "-o", "name").out == "pipeline/abalone\n"


def test_render_fills_placeholders_and_reads_standard_input(alone: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DEFINITION.replace('"Arguments": {}', '"Arguments": {"Bucket": "s3://<<BUCKET>>/x"}')
    options = ["--pipeline", "abalone", "--role-arn", ROLE, "-o", "json"]
    for values, status in ((["--placeholder", "BUCKET=mine"], 0), ([], 2), (["--placeholder", "BUCKET"], 2)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        said = alone("render", "-", *options, *values)
        assert said.status == status, said
        assert status or "s3://mine/x" in said.json["spec"]["pipelineDefinition"]


def test_validate_says_file_line_and_column(alone: Cli, tmp_path: Path, definition: Path) -> None:
    assert alone.done("validate", str(definition)).out == ""
    (tmp_path / "more").mkdir()
    wrong = tmp_path / "more" / "wrong.json"
    wrong.write_text(DEFINITION.replace('"Prepare"\n', '"Prepar"\n'))
    broken = tmp_path / "more" / "broken.json"
    broken.write_text('{\n  "Version": "2020-12-01",\n  "Steps": [}\n')
    said = alone("validate", str(tmp_path))
    assert said.status == 3
    lines = said.out.splitlines()
    at = next(number for number, line in enumerate(wrong.read_text().splitlines(), 1) if '"Prepar"' in line)
    assert lines[0].startswith(f"{broken}:3:13: error: not JSON")
    assert lines[1].startswith(f"{wrong}:{at}:")
    assert "error: /Steps/1/DependsOn/0: " in lines[1]
    assert "3 checked, 2 errors, 0 warnings." in said.err
    found = alone("validate", str(tmp_path), "-o", "json").json
    assert set(found[1]) == {"file", "line", "column", "severity", "pointer", "message", "name"}
    assert alone("validate", str(tmp_path / "nothing")).status == 2


def test_one_that_cannot_be_read_hides_no_other(alone: Cli, tmp_path: Path, definition: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"Version": "2020-12-01", "Steps": 5}')
    nothing = str(tmp_path / "nothing.json")
    for sources, status in (((nothing, wrong, definition), 2), ((wrong, nothing), 3)):
        said = alone("validate", *map(str, sources))
        assert (said.status, said.err.count("Error: ")) == (status, 1)
        assert f"Error: {nothing} cannot be read: " in said.err
        assert said.out.startswith(f"{wrong}:1:")
        assert f"{len(sources) - 1} checked, 1 errors, 0 warnings." in said.err
        assert [one["file"] for one in alone("validate", *map(str, sources), "-o", "json").json] == [str(wrong)]
    said = alone("validate", nothing, "-o", "json")
    assert (said.status, said.out) == (2, "")


def test_how_the_shell_passes_a_placeholder_is_said_once(alone: Cli, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(DEFINITION.replace('"Arguments": {}', '"Arguments": {"A": "<BUCKET>"}'))
    sources = [str(tmp_path / f"{name}.json") for name in ("one", "two")]
    for command in (["validate", *sources], ["lint", str(tmp_path)], ["graph", sources[0]], ["diff", *sources]):
        said = alone(*command)
        assert said.status
        assert said.err.count("--placeholder NAME=VALUE") == 1
    filled = alone.done("validate", *sources, "--placeholder", "BUCKET=mine")
    assert "--placeholder" not in filled.err
    wrong = alone("validate", *sources, "--placeholder", "BUCKET")
    assert (wrong.status, wrong.err) == (2, "Error: --placeholder 'BUCKET' is not NAME=VALUE.\n")


def test_a_warning_is_an_error_for_lint(alone: Cli, definition: Path) -> None:
    definition.write_text(DEFINITION.replace('"Version"', '"Remark": 1,\n  "Version"'))
    said = alone("validate", str(definition))
    assert (said.status, said.out) == (0, f"{definition}:2:13: warning: /Remark: unknown name at the top level.\n")
    assert alone("validate", "--strict", str(definition)).status == 3
    assert alone("lint", str(definition)).status == 3


def test_positions_of_all_shapes() -> None:
    text = '{"a/b": [1, {"c~d": "x\\"]"}],\n "e": {}, "f": [],\n  "g":\n    null}'
    places = positions(text)
    lines = text.splitlines()
    expected = {
        "": "{", "/a~1b": "[1", "/a~1b/0": "1", "/a~1b/1": '{"c~d"', "/a~1b/1/c~0d": '"x', "/e": "{}", "/f": "[]",
        "/g": "null",
    }  # fmt: skip
    assert set(places) == set(expected)
    for pointer, begin in expected.items():
        line, column = places[pointer]
        assert lines[line - 1][column - 1 :].startswith(begin), pointer
    assert place_of("/a~1b/1/missing/more", places) == places["/a~1b/1"]
    document = json.loads(CONDITION.read_text())
    assert len(positions(CONDITION.read_text())) == _count(document)


def _count(value: object) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, children))


def test_graph_as_text(alone: Cli) -> None:
    lines = alone.done("graph", str(CONDITION)).out.splitlines()
    assert [line.split()[0] for line in lines] == list(parse_definition(CONDITION.read_text()).graph.order())
    assert lines[0].split()[1:] == ["Processing", "at", "once"]
    assert any(line.endswith("if CheckMse is not met") for line in lines)


def test_graph_as_mermaid(alone: Cli) -> None:
    definition = parse_definition(NESTED.read_text())
    lines = alone.done("graph", str(NESTED), "--format", "mermaid").out.splitlines()
    assert lines[0] == "flowchart LR"
    arrows = [line for line in lines if "-->" in line]
    assert len(arrows) == len(definition.graph.edges)
    assert len(lines) == 1 + len(arrows) + len(definition.steps)
    assert sum("|if|" in line for line in arrows) == sum(
        len(steps) for (_, branch), steps in definition.graph.branches.items() if branch == "if"
    )


def test_graph_as_svg(alone: Cli, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.json"
    hostile.write_text(DEFINITION.replace("Training", "Training<script>&"))
    for path in (NESTED, CONDITION, hostile):
        said = alone.done("graph", str(path), "-f", "svg")
        root = xml.etree.ElementTree.fromstring(said.out)
        definition = parse_definition(path.read_text())
        space = "{http://www.w3.org/2000/svg}"
        boxes = [group.find(f"{space}rect") for group in root.iter(f"{space}g")]
        assert len(boxes) == len(definition.steps)
        corners = {(box.get("x"), box.get("y")) for box in boxes if box is not None}
        assert len(corners) == len(boxes), "no box lies on another"
        assert len(root.findall(f"{space}path")) == len(definition.graph.edges)


def test_values(alone: Cli) -> None:
    said = alone.done("values", str(NESTED), "-o", "json").json
    assert {"name", "step", "where", "expression", "value", "why"} == said[0].keys()
    assert all((one["value"] is None) == bool(one["why"]) for one in said)
    step = said[0]["step"]
    only = alone.done("values", str(NESTED), "--step", step).out.splitlines()
    assert only[0].split() == ["STEP", "WHERE", "VALUE", "EXPRESSION"]
    assert len(only) == 1 + sum(one["step"] == step for one in said)
    assert alone("values", str(NESTED), "--step", "Nothing").status == 2
    assert alone("values", str(NESTED), "--parameter", "Nothing=1").status in (2, 3)


def test_diff(alone: Cli, definition: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.json"
    same.write_text(json.dumps(json.loads(DEFINITION)))
    assert alone.done("diff", str(definition), str(same)).out == ""
    other = tmp_path / "other.json"
    other.write_text(DEFINITION.replace("Processing", "Transform"))
    said = alone("diff", str(definition), str(other))
    assert said.status == 3
    assert '-      "Type": "Processing"' in said.out
    assert '+      "Type": "Transform"' in said.out
    as_json = alone("diff", str(definition), str(other), "-o", "json").json
    assert set(as_json) == {"same", "diff", "note", "before_sha256", "after_sha256"}
    assert as_json["same"] is False
