"""Every code block of the documentation works, or its fence says why it cannot be tried.

Here they are parsed, by what reads them in the end: Airflow, the API server, the command line. `test_dags` runs the
DAGs, `check_pages` the commands.
"""

from __future__ import annotations

import configparser
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from airflow_ack_sagemaker.cli import main as _commands  # noqa: F401 (each command registers itself)
from airflow_ack_sagemaker.cli.app import app
from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.testing import AckSandbox, check_yaml_dags
from tests.docs.blocks import BLOCKS, PAGES, SHELL, Block

LANGUAGES = {"bash", "ini", "json", "mermaid", "python", "text", "yaml"}
_ENDS = {"|", ">", ">>", "2>", "&", "&&", "||", ";", ")", "(", "<"}


def those(*languages: str, run: bool = True) -> pytest.MarkDecorator:
    """A test of each block in one of these languages, without those that say why they are not run."""
    chosen = [block for block in BLOCKS if block.language in languages and (not run or block.why_not is None)]
    assert chosen
    return pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in chosen])


def commands(text: str) -> Iterator[list[str]]:
    """The calls of ``ack-sagemaker`` in a script: their arguments."""
    for line in text.replace("\\\n", " ").splitlines():
        if "ack-sagemaker" not in line or line.lstrip().startswith(("#", "pip ", "helm ", "aws ", "until ")):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        while "ack-sagemaker" in words:
            words = words[words.index("ack-sagemaker") + 1 :]
            end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
            yield words[:end]


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in BLOCKS])
def test_each_has_a_language_and_is_run_or_says_why_not(block: Block) -> None:
    assert block.language in LANGUAGES
    assert set(block.attributes) <= {"not_run", "title"}
    assert block.why_not is None or len(block.why_not.split()) >= 2, "the reason is missing"
    if block.language == "bash" and block.why_not is None:
        assert block.page in SHELL, "nothing runs the commands of this page"


def test_no_block_is_overlooked() -> None:
    """Each fence of each page begins or ends one of the blocks."""
    fences = sum(line.lstrip().startswith("```") for page in PAGES for line in page.read_text().splitlines())
    assert fences == 2 * len(BLOCKS)


@those("python")
def test_python_is_read_by_airflow(block: Block, tmp_path: Path) -> None:
    """As a file of the DAG folder, without an error and without a warning; a test module is compiled."""
    file = tmp_path / "page.py"
    file.write_text(block.text)
    if "def test_" in block.text:
        compile(block.text, block.name, "exec")
        return
    from airflow.dag_processing.dagbag import DagBag  # elsewhere in the oldest Airflow, which collects this module, too

    bag = DagBag(str(file))
    assert bag.import_errors == {}
    assert len(bag.dags) >= 1


@pytest.fixture(scope="module")
def client() -> Iterator[KubeClient]:
    """A cluster that has the kinds."""
    with AckSandbox() as sandbox:
        yield sandbox.client


def _has_dags(block: Block) -> bool:
    """A file of dag-factory."""
    return block.attributes.get("title", "").startswith("dags/")


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=block.name) for block in BLOCKS if block.language == "yaml" and _has_dags(block)]
)
def test_yaml_of_dags_is_right(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "page.yaml"
    file.write_text(block.text)
    check_yaml_dags(file)


def _objects(block: Block) -> Iterator[tuple[str, str]]:
    """YAML of the blocks themselves, and what their scripts write into files."""
    if block.language == "yaml" and not _has_dags(block):
        yield block.name, block.text
    for part in block.text.split("<<'YAML'\n")[1:]:
        yield block.name, part.partition("\nYAML\n")[0]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for block in BLOCKS for name, text in _objects(block)])
def test_manifests_are_accepted_by_the_api_server(client: KubeClient, text: str) -> None:
    """With the schema of the controller's kinds, which refuses what it does not know."""
    for manifest in yaml.safe_load_all(text):
        manifest["metadata"].setdefault("namespace", client.namespace)
        made: Any = client.create(kind_of(manifest["kind"]), manifest)
        assert made["spec"] == manifest["spec"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(part.partition("\nJSON\n")[0], id=block.name)
        for block in BLOCKS
        for part in block.text.split("<<'JSON'\n")[1:]
    ],
)
def test_definitions_are_valid(text: str) -> None:
    parse_definition(text, placeholders={"ROLE": "arn:aws:iam::123456789012:role/r", "BUCKET": "b"})


@those("ini")
def test_settings_are_read(block: Block) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(block.text)
    (section,) = parser.sections()
    for value in parser[section].values():
        json.loads(value)


COMMANDS = [
    pytest.param(arguments, id=f"{block.name} {' '.join(arguments)[:40]}")
    for block in BLOCKS
    if block.language == "bash"
    for arguments in commands(block.text)
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_commands_have_these_options(arguments: list[str]) -> None:
    """Also those that are not run: a command line that is refused is an error here."""
    group: Any = typer.main.get_command(app)
    with group.make_context("ack-sagemaker", list(arguments), resilient_parsing=False) as context:
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        command.make_context(name, rest, parent=context).close()
