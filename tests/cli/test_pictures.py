"""What stands on a terminal after a command, and a picture of it.

``make screenshots`` puts the pictures into docs/cli.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from airflow_ack_sagemaker.sandbox import Sandbox
from demo.story import CHURN, ROLE
from harness.environment import clean_environment
from tests.cli.world import World
from tests.support.pictures import picture
from tests.support.terminal import on_terminal, screen, svg

COLUMNS = 110
MOST_BYTES = 60_000
SPEED, STEP_SECONDS = 30.0, 20.0
WHY = "AlgorithmError: CUDA out of memory, exit code 1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox with the demo's pipeline churn."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "churn.json").write_text(CHURN.text(-1))
    with Sandbox(speed=SPEED, step_seconds=STEP_SECONDS) as sandbox:
        sandbox.script.add(*(f"churn/{step}=gives:{properties}" for step, properties in CHURN.gives.items()))
        world = World(sandbox, sandbox.kubeconfig_path, "default", folder)
        assert typed(world, f"ack-sagemaker apply churn.json --pipeline churn --role-arn {ROLE}")[0] == 0
        yield world


def typed(world: World, line: str) -> tuple[int, str]:
    """A command line, as a person types it in the folder of the definition: its exit status and what it prints."""
    command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", *line.split()[1:]]
    return on_terminal(command, clean_environment(world.folder / "home") | world.environment, world.folder, COLUMNS)


def shown(line: str, printed: str, path: Path) -> str:
    """Take the picture of that; the lines that can be read on it."""
    path.write_text(svg(line, printed, COLUMNS))
    assert path.stat().st_size < MOST_BYTES
    # It shows what it has in it: no font and no link leads elsewhere.
    assert re.findall(r"\w+://[^\"]*", path.read_text()) == ["http://www.w3.org/2000/svg"]
    rows: dict[str, list[str]] = {}
    for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text"):
        rows.setdefault(text.attrib["y"], []).append((text.text or "").replace("\xa0", " ").strip())
    return "\n".join(re.sub(r"\s+", " ", " ".join(filter(None, row))) for row in rows.values())


def test_a_run_is_followed_to_its_end(world: World, tmp_path: Path) -> None:
    line = "ack-sagemaker run churn -p Rounds=300"
    status, printed = typed(world, line)
    assert status == 0
    text = shown(line, printed, picture("cli/run.svg", tmp_path))
    assert f"$ {line}\nCreated pipelineexecution/churn-" in text
    for step in (
        "PrepareFeatures Processing Succeeded",
        "TrainChurn Training Succeeded",
        "EvaluateChurn Processing Succeeded",
        "GoodEnough Condition Succeeded The condition was met",
        "RegisterChurn RegisterModel Succeeded",
        "TooWeak Fail Skipped The condition GoodEnough took the other branch",
    ):
        assert text.count(step) == 1, f"{step} in\n{text}"
    assert re.search(r"^churn-\w+-1 churn Succeeded Succeeded cli ", text, re.MULTILINE), text
    assert "\x1b[32mSucceeded" in "\n".join(screen(printed)), "in green"


def test_a_run_that_fails_says_which_step_and_why(world: World, tmp_path: Path) -> None:
    line = "ack-sagemaker run churn -p Rounds=300"
    world.sandbox.script.add(f"churn/TrainChurn#1=Failed:{WHY}")
    status, printed = typed(world, line)
    assert status == 3
    text = shown(line, printed, picture("cli/run-failed.svg", tmp_path))
    assert "PrepareFeatures Processing Succeeded\n" in text
    assert f"TrainChurn Training Failed ClientError: {WHY}\n" in text
    assert "EvaluateChurn Processing NotStarted\n" in text
    assert "Reason: Step failure: One or multiple steps failed.\n" in text
    assert re.search(r"^churn-\w+-1 churn Failed Failed cli ", text, re.MULTILINE), text


def test_what_is_wrong_in_a_definition(world: World, tmp_path: Path) -> None:
    written = CHURN.text(-1)
    for right, wrong in {'"Parameters.Rounds"': '"Parameters.Round"', '["TrainChurn"]': '["TrainChrun"]'}.items():
        assert right in written
        written = written.replace(right, wrong)
    (world.folder / "wrong.json").write_text(written)
    line = "ack-sagemaker validate wrong.json"
    status, printed = typed(world, line)
    assert status == 3
    text = shown(line, printed, picture("cli/validate.svg", tmp_path)).replace("\n", "")
    assert re.search(r"wrong\.json:\d+:\d+: error: /Steps/1/\S+ 'Parameters\.Round': there is no parameter", text), text
    assert re.search(r"wrong\.json:\d+:\d+: error: /Steps/2/DependsOn/0: there is no step 'TrainChrun'\.", text), text
    assert text.endswith("1 checked, 2 errors, 0 warnings.")


def test_the_graph_of_a_definition(world: World, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", "graph", "churn.json", "--format", "svg"]
    environment = clean_environment(world.folder / "home") | world.environment
    drawn = subprocess.run(
        command, cwd=world.folder, env=environment, capture_output=True, text=True, check=True
    ).stdout
    path = picture("cli/graph.svg", tmp_path)
    path.write_text(drawn)
    texts = [text.text for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    for step in ("PrepareFeatures", "TrainChurn", "EvaluateChurn", "GoodEnough", "RegisterChurn", "TooWeak"):
        assert step in texts


def test_a_screen_is_what_was_printed_last() -> None:
    table = "\x1b[?25lone\r\n\x1b[32mold\x1b[0m\r\n"
    assert screen(f"{table}\r\x1b[1A\x1b[2Knew\r\nmore\r\n\x1b[?25h") == ["one", "new", "more", ""]
    with pytest.raises(ValueError, match="is printed over 'one'"):
        screen("one\r\x1b[32mtwo")
    with pytest.raises(ValueError, match="What does a terminal make of"):
        screen("\x1b]0;a title\x07")
