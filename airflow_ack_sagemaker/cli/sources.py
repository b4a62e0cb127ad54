"""Where a command reads a pipeline definition: a file, standard input, S3, or a Pipeline resource of the cluster."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import InputError
from airflow_ack_sagemaker.cli.connection import Cluster, aws_client

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.definition.parse import Definition

IN_CLUSTER = "pipeline/"
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file, - (standard input), s3://bucket/key, s3://bucket/key?versionId=..., or pipeline/NAME (what the "
        "resource in the cluster says).",
    ),
]
Placeholders = Annotated[
    list[str] | None,
    typer.Option("--placeholder", metavar="NAME=VALUE", help="Value for <<NAME>> or <NAME>; may be repeated."),
]


@dataclass(frozen=True, slots=True)
class Text:
    """A definition's text, and where it came from. ``sha256`` is that of what was read."""

    text: str | bytes
    name: str
    version_id: str | None = None
    in_s3: bool = False
    filled: bool = False
    """Whether its placeholders were filled already, so that what looks like one is meant so."""


def read_source(source: str, cluster: Cluster, *, aws_conn_id: str | None = None, region: str | None = None) -> Text:
    """Read a definition.

    :raises InputError: there is no such file.
    :raises SourceError: S3 does not give it.
    :raises KubeError: the cluster does not.
    """
    if source == "-":
        return Text(sys.stdin.buffer.read(), "standard input")
    if source.startswith(IN_CLUSTER):
        return _of_cluster(source.removeprefix(IN_CLUSTER), cluster)
    if "://" in source:
        from airflow_ack_sagemaker.aws.errors import SourceError
        from airflow_ack_sagemaker.aws.s3 import S3Source, fetch_definition

        try:
            place = S3Source.parse(source)
        except SourceError as error:
            raise InputError(str(error)) from error
        client = aws_client("s3", aws_conn_id=aws_conn_id, region=region)
        found = fetch_definition(place, aws_conn_id=aws_conn_id, client=client)
        return Text(found.content, place.uri, found.version_id, in_s3=True)
    return Text(read_file(Path(source)), source)


def read_file(path: Path) -> bytes:
    """A file's content. :raises InputError: it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def definition_of(text: Text, placeholders: Sequence[str] | None) -> Definition:
    """The definition, checked. :raises DefinitionError: what is wrong with it."""
    from airflow_ack_sagemaker.core.definition.parse import DefinitionError, parse_definition
    from airflow_ack_sagemaker.core.definition.placeholders import NO_VALUE

    if text.filled:
        return parse_definition(text.text, filled=True, source=text.name)
    try:
        return parse_definition(text.text, placeholders=pairs(placeholders, "--placeholder"), source=text.name)
    except DefinitionError as error:
        if any(problem.message.startswith(NO_VALUE) for problem in error.problems):
            error.add_note("Here a value is passed with --placeholder NAME=VALUE, which may be repeated.")
        raise


def pairs(values: Sequence[str] | None, option: str) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping. :raises InputError: one is not of that form, or a name stands twice."""
    found: dict[str, str] = {}
    for value in values or ():
        name, equals, content = value.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {value!r} is not NAME=VALUE.")
        if name in found:
            raise InputError(f"{option} gives {name} twice: {found[name]!r} and {content!r}.")
        found[name] = content
    return found


def _of_cluster(name: str, cluster: Cluster) -> Text:
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.kinds import PIPELINE

    with cluster.client() as client:
        resource: dict[str, Any] = client.get(PIPELINE, name)
    return Text(str(fields.spec(resource).get("pipelineDefinition") or ""), f"{IN_CLUSTER}{name}", filled=True)
