"""Commands about definitions. Only ``diff``, and any with ``pipeline/NAME``, ask a cluster."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import DEFINITIONS, Exit, InputError, command, complain
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, Region
from airflow_ack_sagemaker.cli.following import each
from airflow_ack_sagemaker.cli.output import Output, OutputOption, dump, show_rows
from airflow_ack_sagemaker.cli.sources import Placeholders, Source, Text, definition_of, pairs, read_file, read_source

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec

PipelineName = Annotated[str, typer.Option("--pipeline", metavar="NAME", help="The pipeline's name in SageMaker.")]
RoleArn = Annotated[str, typer.Option(metavar="ARN", help="IAM role that the pipeline's steps run as.")]
Adopt = Annotated[bool, typer.Option("--adopt", help="Take over a pipeline of that name that SageMaker has already.")]
Delete = Annotated[
    bool, typer.Option("--delete-with-resource", help="Delete SageMaker's pipeline with the resource (else it stays).")
]
MaxParallelSteps = Annotated[int | None, typer.Option(min=1, help="Steps of an execution that run at the same time.")]
Description = Annotated[str | None, typer.Option(help="The pipeline's description.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="AWS tag; may be repeated.")]
ResourceName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the resource (default: the pipeline's, in lower case).")
]


class GraphFormat(StrEnum):
    """How a graph is drawn."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


def pipeline_spec(text: Text, placeholders: list[str] | None, **options: Any) -> PipelineSpec:
    """The Pipeline that a definition and the command's options ask for; warnings are said on stderr.

    :raises DefinitionError, SpecError: what would be refused.
    """
    from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec

    definition = definition_of(text, placeholders)
    for warning in definition.warnings:
        complain(f"Warning: {text.name}: {warning}")
    tags = pairs(options.pop("tags"), "--tag")
    return PipelineSpec(
        definition=definition.text,
        definition_sha256=definition.sha256,
        definition_source=text.name if text.in_s3 else None,
        definition_version_id=text.version_id,
        deletion_policy="delete" if options.pop("delete_with_resource") else "retain",
        tags=tags,
        **options,
    )


@command(
    "render",
    DEFINITIONS,
    "ack-sagemaker render s3://my-bucket/abalone.json --pipeline abalone --role-arn "
    "arn:aws:iam::123456789012:role/sagemaker | kubectl apply --server-side -f -",
)
def render(
    cluster: Cluster,
    source: Source,
    pipeline: PipelineName,
    role_arn: RoleArn,
    placeholder: Placeholders = None,
    description: Description = None,
    max_parallel_steps: MaxParallelSteps = None,
    tag: Tags = None,
    resource_name: ResourceName = None,
    adopt: Adopt = False,
    delete_with_resource: Delete = False,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.YAML,
) -> None:
    """Make the Pipeline resource of a definition and print it. The cluster is not asked."""
    spec = pipeline_spec(
        read_source(source, cluster, aws_conn_id=aws_conn_id, region=region),
        placeholder,
        pipeline_name=pipeline,
        role_arn=role_arn,
        description=description,
        max_parallel_steps=max_parallel_steps,
        tags=tag,
        resource_name=resource_name,
        adopt=adopt,
        delete_with_resource=delete_with_resource,
        region=region,
    )
    manifest = spec.manifest(cluster.namespace or "")
    if not cluster.namespace:
        del manifest["metadata"]["namespace"]  # kubectl then takes its own
    if output is Output.NAME:
        print(f"pipeline/{manifest['metadata']['name']}")
    else:
        dump(manifest, output)


@command("validate", DEFINITIONS, "ack-sagemaker validate definitions/ --placeholder BUCKET=my-bucket")
def validate(
    cluster: Cluster,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders (their *.json), s3://, -.")],
    placeholder: Placeholders = None,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Check definitions: each problem with file, line and column. Exit status 3 if one is invalid."""
    return _check(cluster, sources, placeholder, strict, region, aws_conn_id, output)


@command("lint", DEFINITIONS, "ack-sagemaker lint abalone.json")
def lint(
    cluster: Cluster,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders (their *.json), s3://, -.")],
    placeholder: Placeholders = None,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Check definitions as `validate --strict` does: a warning is an error, too."""
    return _check(cluster, sources, placeholder, True, region, aws_conn_id, output)


@command("graph", DEFINITIONS, "ack-sagemaker graph abalone.json --format svg > abalone.svg")
def graph(
    cluster: Cluster,
    source: Source,
    placeholder: Placeholders = None,
    form: Annotated[GraphFormat, typer.Option("--format", "-f", help="What to draw.")] = GraphFormat.TEXT,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
) -> None:
    """Draw the steps of a definition and their order."""
    from airflow_ack_sagemaker.cli.drawing import as_mermaid, as_svg, as_text

    definition = definition_of(read_source(source, cluster, aws_conn_id=aws_conn_id, region=region), placeholder)
    draw = {GraphFormat.TEXT: as_text, GraphFormat.MERMAID: as_mermaid, GraphFormat.SVG: as_svg}[form]
    sys.stdout.write(draw(definition))


@command("values", DEFINITIONS, "ack-sagemaker values abalone.json --parameter Rounds=100 --step AbaloneTrain")
def values(
    cluster: Cluster,
    source: Source,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="As at a launch; may be repeated."),
    ] = None,
    step: Annotated[str | None, typer.Option(metavar="NAME", help="Only the expressions of this step.")] = None,
    placeholder: Placeholders = None,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what each reference, join and condition of a definition will be, and which only a run can tell."""
    from airflow_ack_sagemaker.core.definition.expressions import Scope
    from airflow_ack_sagemaker.core.definition.parameters import bind, values_at_launch
    from airflow_ack_sagemaker.core.definition.values import values_of

    definition = definition_of(read_source(source, cluster, aws_conn_id=aws_conn_id, region=region), placeholder)
    if step is not None and step not in {one.name for one in definition.steps}:
        raise InputError(f"The definition has no step {step!r}.")
    # A parameter that has to be given, and is not, is no error here: what refers to it has no value yet.
    declared = [one._replace(has_default=True) for one in definition.parameters]
    given = {one["name"]: one["value"] for one in bind(declared, pairs(parameter, "--parameter"))}
    scope = Scope(
        parameters=values_at_launch(definition.parameters, given),
        experiment=definition.document.get("PipelineExperimentConfig") or {},
    )
    rows = [
        {
            "name": f"{one.name}{found.where}",
            "step": one.name,
            **found._asdict(),
            "shown": f"({found.why})" if found.value is None else found.value,
        }
        for one in definition.steps
        if step in (None, one.name)
        for found in values_of(one, scope)
    ]
    if output is not Output.TABLE:
        rows = [{key: value for key, value in row.items() if key != "shown"} for row in rows]
    columns = {"STEP": "step", "WHERE": "where", "VALUE": "shown", "EXPRESSION": "expression"}
    show_rows(rows, columns, output, empty="The definition has no expressions.")


@command(
    "diff",
    DEFINITIONS,
    """ack-sagemaker diff pipeline/abalone s3://my-bucket/abalone.json
    ack-sagemaker diff 's3://my-bucket/abalone.json?versionId=1' s3://my-bucket/abalone.json""",
)
def diff(
    cluster: Cluster,
    before: Source,
    after: Source,
    placeholder: Placeholders = None,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Show what changes from one definition to another. Exit status 3 if they differ."""
    from airflow_ack_sagemaker.core.pages.differences import difference

    if before == after == "-":
        raise InputError("Standard input can be read once only: name another source beside it.")
    texts = [read_source(one, cluster, aws_conn_id=aws_conn_id, region=region) for one in (before, after)]
    old, new = (definition_of(text, placeholder) for text in texts)
    names = tuple(f"{text.name} ({text.version_id})" if text.version_id else text.name for text in texts)
    found = difference(old.text, new.text, _ShowAll(), (names[0], names[1]))
    if output is Output.TABLE:
        for part in (found.diff, found.note):
            if part:
                print(part)
    elif output is not Output.NAME:
        digests = {"before_sha256": old.sha256, "after_sha256": new.sha256}
        dump({"same": bool(found.same), "diff": found.diff, "note": found.note, **digests}, output)
    return Exit.DONE if found.same else Exit.BAD


def _check(
    cluster: Cluster,
    sources: list[str],
    placeholder: list[str] | None,
    strict: bool,
    region: str | None,
    aws_conn_id: str | None,
    output: Output,
) -> Exit:
    pairs(placeholder, "--placeholder")  # what is wrong for all of them is said once
    found: list[list[dict[str, Any]]] = []
    notes: dict[str, None] = {}

    def is_error(finding: dict[str, Any]) -> bool:
        return strict or finding["severity"] == "error"

    def check(place: str | Path) -> Exit:
        if isinstance(place, Path):
            text = Text(read_file(place), str(place))
        else:
            text = read_source(place, cluster, aws_conn_id=aws_conn_id, region=region)
        told, said = _findings(text, placeholder)
        found.append(told)
        notes.update(dict.fromkeys(said))
        return Exit.BAD if any(map(is_error, told)) else Exit.DONE

    status = each(sources, lambda source: each(_places(source), check))
    findings = [one for told in found for one in told]
    if output is Output.TABLE:
        for one in findings:
            print(f"{one['file']}:{one['line']}:{one['column']}: {one['severity']}: {_located(one)}")
    elif found or len(sources) > 1:
        show_rows([one | {"name": one["file"]} for one in findings], {}, output)
    for note in notes:
        complain(note)
    errors = sum(map(is_error, findings))
    complain(f"{len(found)} checked, {errors} errors, {len(findings) - errors} warnings.")
    return status


class _ShowAll:
    """Who may read both definitions sees all of them."""

    def hides(self, name: str) -> bool:
        return False

    def text(self, text: str) -> str:
        return text


def _places(source: str) -> Sequence[str | Path]:
    """The files of a folder, or the source itself."""
    path = Path(source)
    if source == "-" or "://" in source or not path.is_dir():
        return [source]
    files = sorted(file for file in path.rglob("*.json") if file.is_file())
    if not files:
        raise InputError(f"{path} has no *.json in it.")
    return files


def _findings(text: Text, placeholder: list[str] | None) -> tuple[list[dict[str, Any]], Sequence[str]]:
    """What is wrong or doubtful, by its place, and what the command line has to say of it."""
    from airflow_ack_sagemaker.cli.positions import place_of, positions
    from airflow_ack_sagemaker.core.definition.parse import DefinitionError

    notes: Sequence[str] = ()
    try:
        problems = [("warning", problem) for problem in definition_of(text, placeholder).warnings]
    except DefinitionError as error:
        problems = [("error", problem) for problem in error.problems]
        notes = getattr(error, "__notes__", ())
    if not problems:
        return [], notes
    content = text.text.decode("utf-8-sig", "replace") if isinstance(text.text, bytes) else text.text
    places = positions(content)
    found = []
    for severity, problem in problems:
        line, column = _said_place(problem.message) or place_of(problem.pointer, places)
        found.append(
            {
                "file": text.name,
                "line": line,
                "column": column,
                "severity": severity,
                "pointer": problem.pointer,
                "message": problem.message,
            }
        )
    return sorted(found, key=lambda one: (one["line"], one["column"])), notes


def _said_place(message: str) -> tuple[int, int] | None:
    """Where text stops being JSON, as the parser says it: such a text has no pointers."""
    import re

    said = re.search(r"^not JSON: .* at line (\d+), column (\d+)", message)
    return (int(said[1]), int(said[2])) if said else None


def _located(one: dict[str, Any]) -> str:
    return f"{one['pointer']}: {one['message']}" if one["pointer"] else str(one["message"])
