"""Commands about executions: run, retry, watch, wait, stop, logs, collect."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import EXECUTIONS, DryRun, Exit, InputError, command, complain
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, Region
from airflow_ack_sagemaker.cli.following import (
    NoWait,
    Say,
    Steps,
    Timeout,
    deadlines_of,
    each,
    exit_of,
    follow,
    selected_steps,
    tell_ending,
)
from airflow_ack_sagemaker.cli.output import Output, OutputOption, dump, show_rows
from airflow_ack_sagemaker.cli.rows import columns_of, for_table, public, row_of
from airflow_ack_sagemaker.cli.sources import pairs, read_file
from airflow_ack_sagemaker.cli.targets import Executions, Targets, execution_names, targets_of
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.pipeline import KnownPipeline

DryRunOption = Annotated[
    DryRun,
    typer.Option("--dry-run", help="client: show what would be written; server: let the API server check it as well."),
]


@command(
    "run",
    EXECUTIONS,
    """ack-sagemaker run abalone -p InstanceCount=2 -p Prefix=s3://my-bucket/run
    ack-sagemaker run abalone --parameters-of last --no-wait -o name""",
)
def run(
    cluster: Cluster,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="Name or ARN of the pipeline in SageMaker.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="May be repeated; wins.")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON or YAML: an object of names and values.")
    ] = None,
    parameters_of: Annotated[
        str | None, typer.Option(metavar="EXECUTION", help="Take those of an execution, or of the `last` one.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the resource (default: made).")] = None,
    description: Annotated[str | None, typer.Option(help="The execution's description.")] = None,
    max_parallel_steps: Annotated[int | None, typer.Option(min=1, help="Steps that run at the same time.")] = None,
    pipeline_version_id: Annotated[int | None, typer.Option(min=1, help="Version of the pipeline to run.")] = None,
    pipeline_resource: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the Pipeline resource, where it is not the pipeline's.")
    ] = None,
    no_wait: NoWait = False,
    timeout: Timeout = None,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Launch an execution and follow it to its end. Ctrl-C leaves it running."""
    from airflow_ack_sagemaker.cli.launching import execution_manifest, new_name
    from airflow_ack_sagemaker.core.definition.parse import launch_parameters
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, pipeline_name_of

    pipeline_name = pipeline_name_of(pipeline)
    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:
        values: dict[str, Any] = {}
        if parameters_of:
            values |= _parameters_of(client, pipeline_name, parameters_of)
        if parameters:
            values |= _from_file(parameters)
        values |= pairs(parameter, "--parameter")
        spec = ExecutionSpec(
            pipeline_name=pipeline,
            parameters=launch_parameters(values),
            description=description,
            max_parallel_steps=max_parallel_steps,
            pipeline_version_id=pipeline_version_id,
            region=region,
        )
        execution = name or new_name(pipeline_name)
        execution_manifest(spec, client.namespace, execution)  # bad input is said before anything is asked
        known = _pipeline(client, spec, pipeline_resource)
        manifest = execution_manifest(known.checked(spec), client.namespace, execution)
        return _launch(client, cluster, manifest, known, no_wait, timeout, aws_conn_id, dry_run, output)


@command("retry", EXECUTIONS, "ack-sagemaker retry abalone-0a1b2c3d4e5f-1 --from-failed-step")
def retry(
    cluster: Cluster,
    executions: Executions,
    from_failed_step: Annotated[
        bool,
        typer.Option(
            "--from-failed-step", help="Run only what did not succeed, on the results of what did (asks SageMaker)."
        ),
    ] = False,
    no_wait: NoWait = False,
    timeout: Timeout = None,
    aws_conn_id: AwsConnId = None,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Launch a new execution like one that failed: with its parameters, whole or from the failed step."""
    from airflow_ack_sagemaker.cli.launching import ANNOTATION_RETRY_OF, execution_manifest, new_name
    from airflow_ack_sagemaker.core.resource import fields

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:

        def again(name: str) -> Exit:
            failed = client.get(PIPELINE_EXECUTION, name)
            spec = _spec_again(failed)
            known = _pipeline(client, spec, None)
            if from_failed_step:
                spec = _from_failed_step(failed, known.checked(spec), known, aws_conn_id)
            manifest = execution_manifest(
                known.checked(spec),
                client.namespace,
                new_name(fields.pipeline_name(failed)),
                {ANNOTATION_RETRY_OF: name},
            )
            return _launch(client, cluster, manifest, known, no_wait, timeout, aws_conn_id, dry_run, output)

        return each(execution_names(executions), again)


@command("wait", EXECUTIONS, "ack-sagemaker wait abalone-0a1b2c3d4e5f-1 --timeout 3600")
def wait(
    cluster: Cluster,
    targets: Targets,
    timeout: Timeout = None,
    aws_conn_id: AwsConnId = None,
    no_steps: Annotated[
        bool, typer.Option("--no-steps", help="Do not ask SageMaker for an execution's steps.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Follow resources to their end: an execution until it has ended, anything else until it is as asked for."""
    from airflow_ack_sagemaker.kube.errors import NotFound

    deadlines = deadlines_of(timeout)
    rows: list[dict[str, Any]] = []
    worst = Exit.DONE
    with cluster.client() as client:
        for target in targets_of(targets):
            try:
                resource = client.get(target.kind, target.name)
            except NotFound as error:
                complain(f"Error: {error}")
                worst = worst or Exit.FAILED
                continue
            steps = (
                _steps(client, resource, aws_conn_id) if target.kind is PIPELINE_EXECUTION and not no_steps else None
            )
            outcome, verdict = follow(
                client,
                cluster,
                target.kind,
                target.name,
                uid=resource["metadata"]["uid"],
                deadlines=deadlines,
                steps=steps,
            )
            tell_ending(outcome, verdict)
            worst = worst or exit_of(outcome, verdict)
            rows.append(_row_now(client, target.kind, target.name, resource, outcome))
    _show(rows, output)
    return worst


@command("watch", EXECUTIONS, "ack-sagemaker watch --pipeline abalone")
def watch(
    cluster: Cluster,
    executions: Annotated[
        list[str] | None, typer.Argument(metavar="[EXECUTION...]", help="Only these; it ends when they have ended.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option(metavar="NAME", help="Only executions of this pipeline.")] = None,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Print executions as they are, then a line at each change, until Ctrl-C. JSON: one object a line."""
    from airflow_ack_sagemaker.cli.watching import changes

    names = set(execution_names(executions or []))
    open_names = set(names)
    with cluster.client() as client:
        try:
            for resource in changes(client, pipeline=pipeline, names=names):
                row = row_of(resource)
                if output is Output.JSON:
                    print(json.dumps(public(row), ensure_ascii=False), flush=True)
                elif output is Output.YAML:
                    print("---")
                    dump(public(row), output)
                elif output is Output.NAME:
                    print(row["resource"], flush=True)
                else:
                    parts = (row["name"], row["pipeline"], row["state"], row["status"] or "", row["reason"] or "")
                    print("   ".join(parts).rstrip(), flush=True)
                if row["state"] in ("Succeeded", "Failed", "Stopped", "Refused", "Gone"):
                    open_names.discard(row["name"])
                if names and not open_names:
                    return Exit.DONE
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
    return Exit.DONE


@command("stop", EXECUTIONS, "ack-sagemaker stop abalone-0a1b2c3d4e5f-1")
def stop(
    cluster: Cluster,
    executions: Executions,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for SageMaker's confirmation.")] = False,
    dry_run: DryRunOption = DryRun.NONE,
) -> Exit:
    """Stop executions: their resources are deleted, and the controller has SageMaker stop what runs."""
    from airflow_ack_sagemaker.core.resource.status import classify
    from airflow_ack_sagemaker.runs.stop import confirm_stopped

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:

        def end(name: str) -> Exit:
            outcome = classify(client.get(PIPELINE_EXECUTION, name))
            if outcome.finished:
                complain(f"{outcome.resource} has ended already: {outcome.sagemaker_status or outcome.state}.")
                return Exit.DONE
            if dry_run is not DryRun.CLIENT:
                client.delete(PIPELINE_EXECUTION, name, uid=outcome.uid)
            if dry_run is not DryRun.NONE:
                print(f"pipelineexecution/{name} would be stopped ({dry_run.value} dry run)")
            elif no_wait:
                print(f"pipelineexecution/{name} asked to stop")
            else:
                print(confirm_stopped(client, outcome, log=_Silent()))
            return Exit.DONE

        return each(execution_names(executions), end)


@command("collect", EXECUTIONS, "ack-sagemaker collect --pipeline abalone --history-limit 5 --dry-run client")
def collect(
    cluster: Cluster,
    pipeline: Annotated[str | None, typer.Option(metavar="NAME", help="Only executions of this pipeline.")] = None,
    history_limit: Annotated[int, typer.Option(min=0, help="Newest finished ones that stay, of each pipeline.")] = 10,
    ttl: Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="Age at which one goes.")] = None,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete the resources of finished executions. SageMaker keeps the executions; what a task still needs stays."""
    from datetime import datetime, timezone

    from airflow_ack_sagemaker.cli.collecting import going
    from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of, runs_pipeline
    from airflow_ack_sagemaker.kube.errors import Conflict, NotFound

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:
        resources = client.list(PIPELINE_EXECUTION).items
        if pipeline is not None:
            wanted = pipeline_name_of(pipeline)
            resources = [item for item in resources if runs_pipeline(item, wanted)]
        chosen = going(
            [{**item, "kind": PIPELINE_EXECUTION.kind} for item in resources],
            now=client.server_time or datetime.now(timezone.utc),
            history_limit=history_limit,
            ttl=None if ttl is None else timedelta(seconds=ttl),
        )
        for resource in chosen if dry_run is not DryRun.CLIENT else ():
            try:
                client.delete(PIPELINE_EXECUTION, resource["metadata"]["name"], uid=resource["metadata"]["uid"])
            except (NotFound, Conflict):
                continue  # somebody else has taken it away or put another in its place
        _show([row_of(resource) for resource in chosen], output)
        verb = "collected" if dry_run is DryRun.NONE else "would be collected"
        complain(f"{len(chosen)} {verb}, {len(resources) - len(chosen)} stay.")


def _launch(
    client: KubeClient,
    cluster: Cluster,
    manifest: Mapping[str, Any],
    known: KnownPipeline,
    no_wait: bool,
    timeout: float | None,
    aws_conn_id: str | None,
    dry_run: DryRun,
    output: Output,
) -> Exit:
    from airflow_ack_sagemaker.cli.launching import create

    name = manifest["metadata"]["name"]
    if dry_run is not DryRun.NONE:
        made = dict(manifest) if dry_run is DryRun.CLIENT else create(client, manifest)
        if output is Output.NAME:
            print(f"pipelineexecution/{name}")
        else:
            dump(made, Output.JSON if output is Output.JSON else Output.YAML)
        return Exit.DONE
    resource = create(client, manifest)
    complain(f"Created pipelineexecution/{name} in namespace {client.namespace}.")
    if no_wait:
        _show([row_of(resource)], output)
        return Exit.DONE
    steps = Steps(
        definition=known.definition.text if known.definition else "",
        aws_conn_id=aws_conn_id,
        selected=selected_steps(manifest),
    )
    outcome, verdict = follow(
        client,
        cluster,
        PIPELINE_EXECUTION,
        name,
        uid=resource["metadata"]["uid"],
        deadlines=deadlines_of(timeout),
        steps=steps,
    )
    tell_ending(outcome, verdict)
    _show([_row_now(client, PIPELINE_EXECUTION, name, resource, outcome)], output)
    return exit_of(outcome, verdict)


def _pipeline(client: KubeClient, spec: ExecutionSpec, resource_name: str | None) -> KnownPipeline:
    from airflow_ack_sagemaker.runs.pipeline import look_up

    return look_up(client, spec.pipeline_name, client.namespace, resource_name, Say())


def _parameters_of(client: KubeClient, pipeline: str, which: str) -> dict[str, str]:
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.manifest import runs_pipeline

    if which != "last":
        return fields.parameters(client.get(PIPELINE_EXECUTION, which))
    found = [item for item in client.list(PIPELINE_EXECUTION).items if runs_pipeline(item, pipeline)]
    if not found:
        raise InputError(f"There is no execution of {pipeline} in namespace {client.namespace} to take parameters of.")
    newest = max(found, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))
    complain(f"Parameters are those of pipelineexecution/{newest['metadata']['name']}.")
    return fields.parameters(newest)


def _from_file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(read_file(path))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is neither JSON nor YAML: {error}") from error
    if not isinstance(values, Mapping):
        raise InputError(f"{path} must hold an object of names and values, not {type(values).__name__}.")
    return {str(name): value for name, value in values.items()}


def _spec_again(failed: Mapping[str, Any]) -> ExecutionSpec:
    """What an execution was asked for, to ask for it once more. :raises InputError: it has not failed."""
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.core.resource.status import State, classify

    outcome = classify(failed)
    if outcome.state not in (State.FAILED, State.STOPPED, State.REFUSED):
        raise InputError(
            f"{outcome.resource} has not failed: it is {outcome.sagemaker_status or outcome.state}. To launch another "
            f"one like it: ack-sagemaker run {fields.pipeline_name(failed)} --parameters-of {outcome.name}"
        )
    spec = fields.spec(failed)
    return ExecutionSpec(
        pipeline_name=str(spec.get("pipelineName")),
        parameters=[{"name": name, "value": value} for name, value in fields.parameters(failed).items()],
        description=spec.get("pipelineExecutionDescription"),
        max_parallel_steps=(spec.get("parallelismConfiguration") or {}).get("maxParallelExecutionSteps"),
        pipeline_version_id=spec.get("pipelineVersionID"),
        region=fields.annotation(failed, "services.k8s.aws/region"),
    )


def _from_failed_step(
    failed: Mapping[str, Any], spec: ExecutionSpec, known: KnownPipeline, aws_conn_id: str | None
) -> ExecutionSpec:
    """The spec limited to what the failed execution has not done. :raises InputError: that cannot be."""
    from airflow_ack_sagemaker.aws.steps import listed_steps, run_of
    from airflow_ack_sagemaker.cli.connection import aws_client
    from airflow_ack_sagemaker.core.resource.status import classify
    from airflow_ack_sagemaker.core.run.retry_steps import obstacle, retry_from

    outcome = classify(failed)
    definition = known.definition
    why: str | None = "the definition that it ran is not known"
    if definition is not None:
        why = obstacle(
            failed,
            parameters={item["name"]: item["value"] for item in spec.parameters},
            pipeline_version_id=spec.pipeline_version_id,
            definition_sha256=definition.sha256,
        )
    if why is None and definition is not None:
        client = aws_client("sagemaker", aws_conn_id=aws_conn_id, region=outcome.region)
        runs = [run_of(step) for step in listed_steps(client, outcome.arn or "")]
        types = {step.name: step.type for step in definition.steps}
        selective, why = retry_from(failed, runs, definition.graph, types=types)
        if selective is not None:
            complain(f"Runs again: {', '.join(selective.steps)} ({why}).")
            return replace(spec, selected_steps=selective.steps, source_execution_arn=selective.source_arn)
    raise InputError(
        f"{outcome.resource} cannot be retried from its failed step: {why}. Without --from-failed-step the whole "
        "pipeline runs."
    )


def _steps(client: KubeClient, resource: Mapping[str, Any], aws_conn_id: str | None) -> Steps:
    return Steps(
        definition=definition_text(client, resource), aws_conn_id=aws_conn_id, selected=selected_steps(resource)
    )


def definition_text(client: KubeClient, execution: Mapping[str, Any]) -> str:
    """The definition of an execution's pipeline as its resource has it now; "" where there is none to read."""
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.identity import pipeline_resource_name
    from airflow_ack_sagemaker.kube.errors import Forbidden, NotFound

    try:
        pipeline = client.get(PIPELINE, pipeline_resource_name(fields.pipeline_name(execution) or "x"))
    except (NotFound, Forbidden):
        return ""
    return str(fields.spec(pipeline).get("pipelineDefinition") or "")


def _row_now(client: KubeClient, kind: Any, name: str, before: Mapping[str, Any], outcome: Any) -> dict[str, Any]:
    """The row of a resource after it was followed; of one that is gone, what was known of it."""
    from airflow_ack_sagemaker.kube.errors import NotFound

    try:
        return row_of({**client.get(kind, name), "kind": kind.kind})
    except NotFound:
        gone = {"state": outcome.state.value, "status": outcome.sagemaker_status, "reason": outcome.reason}
        return row_of({**before, "kind": kind.kind}) | gone


def _show(rows: Sequence[dict[str, Any]], output: Output) -> None:
    if output is Output.TABLE:
        kinds = {row["kind"] for row in rows}
        kind = PIPELINE_EXECUTION if kinds == {PIPELINE_EXECUTION.kind} else PIPELINE
        show_rows([for_table(row) for row in rows], columns_of(kind), output)
    else:
        show_rows([public(row) for row in rows], {}, output)


class _Silent:
    """A logger for what is printed as a result."""

    def info(self, event: str, /, *args: Any) -> None:
        return

    def warning(self, event: str, /, *args: Any) -> None:
        return


def seconds_since(duration: str) -> float:
    """A Unix time so long ago. :raises InputError: not a duration such as 30m, 12h or 7d."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = duration[:-1], duration[-1:]
    if unit not in units or not number.isdecimal():
        raise InputError(f"{duration!r} is not a duration: write 90s, 30m, 12h or 7d.")
    return time.time() - int(number) * units[unit]
