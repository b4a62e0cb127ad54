"""What docs/cli.md promises of every command, as one table, held against both API servers.

A new command has to come with its row. How the commands do their work the other tests here say.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from airflow_ack_sagemaker.cli.app import Exit, app
from tests.cli.stage import Stage
from tests.cli.test_executions import EXECUTION_FIELDS
from tests.cli.world import Cli

GUIDE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()

RESOURCE = {
    "resource", "kind", "name", "namespace", "state", "status", "reason", "remedy", "arn", "region", "created",
}  # fmt: skip
DEED = {"resource", "kind", "name", "namespace", "result", "message"}
FINDING = {"file", "name", "line", "column", "severity", "pointer", "message"}
DESCRIBED = {"definition_source", "definition_version_id", "definition_sha256", "labels", "conditions"}
KUBERNETES = {"apiVersion", "kind", "metadata", "spec"}


@dataclass(frozen=True)
class Promise:
    """One command.

    :param arguments: as typed; ``{...}`` is a thing of the `Stage`.
    :param fields: members of an object of its JSON; None: what it prints is no data.
    :param status: its exit status then.
    :param writes: it changes something, so that it has dry runs.
    :param several: it takes several names, and is given two.
    :param lines: its JSON is one object a line.
    """

    arguments: str
    fields: frozenset[str] | None
    status: Exit = Exit.DONE
    writes: bool = False
    several: bool = False
    lines: bool = False


def promise(arguments: str, fields: set[str] | None, status: Exit = Exit.DONE, **more: bool) -> Promise:
    """A row of the table."""
    return Promise(arguments, None if fields is None else frozenset(fields), status, **more)


PROMISES = {
    "render": promise("{definition} --pipeline rendered --role-arn {role}", KUBERNETES),
    "validate": promise("{invalid} {definition}", FINDING, Exit.BAD, several=True),
    "lint": promise("{invalid} {definition}", FINDING, Exit.BAD, several=True),
    "graph": promise("{definition}", None),
    "values": promise("{definition}", {"name", "step", "where", "expression", "value", "why"}),
    "diff": promise("pipeline/{pipeline} {other}", {"same", "diff", "note", "before_sha256", "after_sha256"}, Exit.BAD),
    "run": promise("{pipeline}", EXECUTION_FIELDS, writes=True),
    "retry": promise("{failed} {failed}", EXECUTION_FIELDS, writes=True, several=True),
    "wait": promise("{failed} {ended}", EXECUTION_FIELDS, Exit.BAD, several=True),
    "watch": promise("{failed} {ended}", EXECUTION_FIELDS, several=True, lines=True),
    "logs": promise("{logged}", {"step", "timestamp", "stream", "message"}, lines=True),
    "stop": promise("{ended} {failed}", DEED, writes=True, several=True),
    "collect": promise("--pipeline spare --history-limit 0", EXECUTION_FIELDS, writes=True),
    "list": promise("executions", EXECUTION_FIELDS),
    "get": promise("{ended} {failed}", KUBERNETES | {"status"}, several=True),
    "describe": promise("{ended} {failed}", EXECUTION_FIELDS | DESCRIBED | {"steps"}, several=True),
    "apply": promise("{definition} --pipeline {pipeline} --role-arn {role}", RESOURCE, writes=True),
    "delete": promise("{spare} {spare2}", DEED, writes=True, several=True),
    "approve": promise("{package} {package}", DEED, writes=True, several=True),
    "deploy": promise("{endpoint} {endpoint} --endpoint-config two", DEED, writes=True, several=True),
    "rollback": promise("{endpoint} {endpoint} --to one", DEED, writes=True, several=True),
    "doctor": promise("--no-aws", {"server", "namespace", "result", "lines"}, writes=True),
    "crds": promise("", None),
    "sandbox": promise("", None),
}
ON_A_CLUSTER = sorted(set(PROMISES) - {"crds", "sandbox"})


def options_of(command: str) -> set[str]:
    """The options that a command has."""
    found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    return {option for parameter in found.params for option in parameter.opts}


def test_every_command_has_a_row() -> None:
    assert set(PROMISES) == {str(command.name) for command in app.registered_commands}


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_a_command_has_the_options_that_are_promised(name: str) -> None:
    row, options = PROMISES[name], options_of(name)
    assert ("--dry-run" in options) is row.writes
    assert row.fields is None or "--output" in options
    assert name not in ON_A_CLUSTER or {"--namespace", "--kubeconfig", "--context", "--kubernetes-conn-id"} <= options
    found = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    takes_several = any(parameter.nargs == -1 for parameter in found.params if parameter.param_type_name == "argument")
    assert not row.several or takes_several


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_the_guide_names_each_field(name: str) -> None:
    row = PROMISES[name]
    if row.fields is not None and not row.fields >= KUBERNETES:
        assert {field for field in row.fields if f"`{field}`" not in GUIDE} == set()


def test_the_guide_and_the_help_name_each_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {int(number) for number in re.findall(r"^\| (\d+) \| ", GUIDE, re.MULTILINE)}
    assert rows == set(Exit)
    said = {int(number) for number in re.findall(r"\b(\d+) [a-z]", str(app.info.epilog))}
    assert said == set(Exit)


@pytest.mark.parametrize("name", ON_A_CLUSTER)
def test_a_command_keeps_its_promises(name: str, cli: Cli, stage: Stage) -> None:
    row = PROMISES[name]
    arguments = [name, *stage.typed(row.arguments)]
    if row.writes:
        stage.settle()
        before = stage.asked_for()
        for dry in ("client", "server"):
            would = cli(*arguments, "--dry-run", dry, "-o", "json")
            assert would.status == row.status, would
            assert isinstance(would.json, dict | list), dry
            assert stage.asked_for() == before, f"a dry run ({dry}) has written something"
    said = cli(*arguments, *(["-o", "json"] if "--output" in options_of(name) else []))
    assert said.status == row.status, said
    if row.fields is None:
        return
    found = [json.loads(line) for line in said.out.splitlines()] if row.lines else said.json
    objects = found if isinstance(found, list) else [found]
    assert [set(one) for one in objects] == [row.fields] * len(objects)
    assert len(objects) > (1 if row.several and name not in ("validate", "lint") else 0)


def test_names_are_printed_for_programs(cli: Cli, stage: Stage) -> None:
    """``-o name`` gives what the commands and kubectl take."""
    names = cli.done("list", "pipelines", "-o", "name").out.split()
    assert "pipeline/promised" in names
    assert cli.done("get", *names, "-o", "name").out.split() == names
