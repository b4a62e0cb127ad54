"""The command line as such: how fast and light it starts, its help, its documentation, kubectl's way to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from airflow_ack_sagemaker.cli.app import app
from airflow_ack_sagemaker.cli.connection import Cluster
from airflow_ack_sagemaker.cli.main import main
from airflow_ack_sagemaker.core.resource.kinds import GROUP
from harness.waiting import HUNG
from tests.cli.test_executions import EXECUTION_FIELDS
from tests.cli.world import Cli, World
from tests.kube.objects import kubeconfig
from tests.support.kubectl import NoKubectl, find

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(str(command.name) for command in app.registered_commands)
GUIDE = (ROOT / "docs" / "cli.md").read_text()


def test_all_commands_are_there() -> None:
    assert (
        sorted(
            [
                "render",
                "validate",
                "lint",
                "graph",
                "values",
                "diff",
                "apply",
                "run",
                "list",
                "get",
                "describe",
                "watch",
                "logs",
                "wait",
                "retry",
                "stop",
                "delete",
                "collect",
                "approve",
                "deploy",
                "rollback",
                "sandbox",
                "crds",
                "doctor",
            ]
        )
        == COMMANDS
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_guide_a_section(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"$ ack-sagemaker {command}" in said
    assert re.search(rf"^### .*`{command}`", GUIDE, re.MULTILINE)


def test_the_guide_names_every_field_of_an_execution() -> None:
    assert {name for name in EXECUTION_FIELDS if f"`{name}`" not in GUIDE} == set()


def test_every_option_of_the_guide_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """What the guide says can be typed."""
    group = typer.main.get_command(app)
    known = {"--help", "--version", "--install-completion", "--show-completion"}
    for command in group.commands.values():  # type: ignore[attr-defined]
        known |= {option for parameter in command.params for option in parameter.opts}
    for line in re.findall(r"^(?:\$ )?(?:kubectl )?ack-sagemaker .*", GUIDE, re.MULTILINE):
        mine = re.split(r" \| | > ", line)[0]
        assert set(re.findall(r"(?<= )--[a-z-]+", mine)) <= known, line


def test_it_imports_neither_airflow_nor_anything_heavy() -> None:
    heavy = ("airflow", "boto3", "botocore", "httpx", "kubernetes", "moto", "rich", "sqlalchemy", "yaml")
    code = f"import sys, airflow_ack_sagemaker.cli.main; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HUNG)
    assert done.stdout.strip() == "[]"


def test_no_cluster_command_imports_airflow(tmp_path: Path) -> None:
    code = (
        "import sys; from airflow_ack_sagemaker.cli.main import main\n"
        "status = main(['list', '--kubeconfig', '/nonexistent'])\n"
        "print(status, [name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HUNG)
    assert done.stdout.strip() == "2 []"


def test_wrong_use_is_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--nonsense"]) == 2
    assert "No such option" in capsys.readouterr().err
    assert main(["nonsense"]) == 2
    assert main(["list", "--kubeconfig", "a", "--kubernetes-conn-id", "b"]) == 2
    assert "exclude each other" in capsys.readouterr().err
    for namespace in ("../..", "Bad NS", "", "a" * 64):
        assert main(["list", "--namespace", namespace]) == 2
        assert "is no name of a namespace" in capsys.readouterr().err
    for place in ("s3://", "s3://bucket", "http://bucket/key"):
        assert main(["validate", place]) == 2
        assert capsys.readouterr().err.count("Error: ") == 1


@pytest.mark.parametrize("command", ["get", "describe", "wait", "delete"])
def test_a_kind_alone_is_not_taken_for_an_execution(command: str, alone: Cli, tmp_path: Path) -> None:
    """As users of kubectl type it. Nothing is asked for that."""
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig("http://127.0.0.1:1")))
    for kind in ("Pipelines", f"pipeline.{GROUP}"):
        said = alone(command, kind, "--kubeconfig", str(path))
        assert (said.status, "ack-sagemaker list pipelines" in said.err) == (2, True)
        assert f"is pipelineexecution/{kind}." in said.err


@pytest.mark.parametrize(
    "options",
    [
        ["--components", "nonsense"], ["--components", "controller"], ["--script", "nonsense"], ["--speed", "-1"],
        ["--start", "yesterday"], ["--kubernetes-port", "99999"], ["--aws-port", "-1"], ["--workers", "0"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_use_of_the_sandbox(options: list[str]) -> None:
    command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", "sandbox", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG, check=False)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)


def test_how_to_come_back_can_be_pasted() -> None:
    assert Cluster(namespace="ml", kubeconfig="my config").arguments == " --namespace ml --kubeconfig 'my config'"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    environment = {
        **os.environ,
        "_ACK_SAGEMAKER_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "ack-sagemaker r",
        "COMP_WORDS": "ack-sagemaker r",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    script = Path(sys.executable).with_name("ack-sagemaker")
    done = subprocess.run([script], env=environment, capture_output=True, text=True, timeout=HUNG, check=False)
    for command in ("render", "run", "retry", "rollback"):
        assert command in done.stdout, done


def test_as_a_plugin_of_kubectl(world: World) -> None:
    try:
        kubectl = find()
    except NoKubectl as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"In CI the plugin must be called by kubectl: {missing}", pytrace=False)
        pytest.skip(f"No kubectl: {missing}")
    scripts = Path(sys.executable).parent
    assert shutil.which("kubectl-ack_sagemaker", path=str(scripts))
    environment = {**os.environ, **world.environment, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    command = [str(kubectl), "ack-sagemaker", "list", "pipelines", "-n", world.namespace, "-o", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HUNG, check=False)
    assert done.returncode == 0, done
    assert isinstance(json.loads(done.stdout), list)


def test_a_reader_that_has_seen_enough(cli: Cli) -> None:
    """``ack-sagemaker crds | head -1``"""
    command = f"{sys.executable} -m airflow_ack_sagemaker.cli.main crds | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=HUNG, check=True)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
