"""Commands about executions: run, retry, watch, wait, stop, logs, collect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import (
    EXECUTIONS,
    DryRun,
    DryRunOption,
    Exit,
    InputError,
    Interrupted,
    again,
    command,
    complain,
)
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, Region
from airflow_ack_sagemaker.cli.deeds import Deeds, Result
from airflow_ack_sagemaker.cli.following import (
    NoWait,
    Steps,
    Timeout,
    deadlines_of,
    definition_text,
    each,
    exit_of,
    follow,
    selected_steps,
    tell_ending,
)
from airflow_ack_sagemaker.cli.launched import Launches
from airflow_ack_sagemaker.cli.output import Output, OutputOption, dump
from airflow_ack_sagemaker.cli.rows import public, row_now, row_of, row_of_gone, show
from airflow_ack_sagemaker.cli.sagemakers_word import sagemakers_word
from airflow_ack_sagemaker.cli.sources import pairs
from airflow_ack_sagemaker.cli.targets import Executions, Target, Targets, common_kind, execution_names, targets_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient


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
    from airflow_ack_sagemaker.cli.launching import execution_manifest, new_name, parameters_in, parameters_like
    from airflow_ack_sagemaker.core.definition.parse import launch_parameters
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, pipeline_name_of

    pipeline_name = pipeline_name_of(pipeline)
    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:
        values: dict[str, Any] = {}
        if parameters_of:
            values |= parameters_like(client, pipeline_name, parameters_of)
        if parameters:
            values |= parameters_in(parameters)
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
        with Launches(client, cluster, no_wait, timeout, aws_conn_id, dry_run, output) as launches:
            known = launches.pipeline(spec, pipeline_resource)
            return launches.launch(execution_manifest(known.checked(spec), client.namespace, execution), known)


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
    from airflow_ack_sagemaker.cli.launching import (
        ANNOTATION_RETRY_OF,
        execution_manifest,
        limited_to_failed,
        new_name,
        spec_again,
    )

    with (
        cluster.client(dry_run=dry_run is DryRun.SERVER) as client,
        Launches(client, cluster, no_wait, timeout, aws_conn_id, dry_run, output) as launches,
    ):

        def like(name: str) -> Exit:
            failed = client.get(PIPELINE_EXECUTION, name)
            spec = spec_again(failed)
            known = launches.pipeline(spec)
            if from_failed_step:
                spec = limited_to_failed(failed, known.checked(spec), known, aws_conn_id)
            manifest = execution_manifest(
                known.checked(spec),
                client.namespace,
                new_name(fields.pipeline_name(failed)),
                {ANNOTATION_RETRY_OF: name},
            )
            return launches.launch(manifest, known)

        return each(execution_names(executions), like, lambda names: f"Not launched: {again(executions=list(names))}")


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
    deadlines = deadlines_of(timeout)
    rows: list[dict[str, Any]] = []
    with cluster.client() as client:
        wanted = targets_of(targets)

        def until_its_end(target: Target) -> Exit:
            resource = client.get(target.kind, target.name)
            steps = (
                _steps(client, resource, aws_conn_id) if target.kind is PIPELINE_EXECUTION and not no_steps else None
            )
            word = sagemakers_word(aws_conn_id) if target.kind is PIPELINE else None
            outcome, verdict = follow(
                client,
                cluster,
                target.kind,
                target.name,
                uid=fields.uid(resource),
                deadlines=deadlines,
                steps=steps,
                judge=word,
                look_again=word is not None,
            )
            tell_ending(outcome, verdict)
            rows.append(row_now(client, target.kind, target.name, resource, outcome, word))
            return exit_of(outcome, verdict)

        status = each(wanted, until_its_end, lambda left: f"Not waited for: {again(targets=list(map(str, left)))}")
    show(rows, common_kind(wanted), output)
    return status


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
    from airflow_ack_sagemaker.cli.watching import executions as followed
    from airflow_ack_sagemaker.core.resource.freshness import observe
    from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
    from airflow_ack_sagemaker.core.resource.status import FINISHED, gone

    pipeline = None if pipeline is None else pipeline_name_of(pipeline)
    wanted, known = execution_names(executions or []), list[dict[str, Any]]()
    with cluster.client() as client:

        def look(name: str) -> Exit:
            resource = client.get(PIPELINE_EXECUTION, name)
            if pipeline not in (None, fields.pipeline_name(resource)):
                raise InputError(f"pipelineexecution/{name} is of pipeline {fields.pipeline_name(resource)}.")
            known.append(resource)
            return Exit.DONE

        # A name that is mistyped would be waited for without end.
        status = each(wanted, look)
        names = {fields.name(one) for one in known}
        open_names = set(names)
        if wanted and not names:
            return status
        try:
            for resource, is_there in followed(client, pipeline=pipeline, names=names, known=known):
                row = row_of(resource) if is_there else row_of_gone(resource, gone(observe(resource)))
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
                if row["state"] in FINISHED:
                    open_names.discard(row["name"])
                if names and not open_names:
                    return status
        except KeyboardInterrupt:
            raise Interrupted(f"\nWatch on: {again()}") from None
    return Exit.DONE


@command("stop", EXECUTIONS, "ack-sagemaker stop abalone-0a1b2c3d4e5f-1")
def stop(
    cluster: Cluster,
    executions: Executions,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for SageMaker's confirmation.")] = False,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Stop executions: their resources are deleted, and the controller has SageMaker stop what runs."""
    from airflow_ack_sagemaker.core.resource.status import classify
    from airflow_ack_sagemaker.core.run.stopping import is_confirmed, may_run
    from airflow_ack_sagemaker.kube.deletion import delete_if_same
    from airflow_ack_sagemaker.runs.stop import watch_stopping

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client, Deeds(output) as deeds:

        def end(name: str) -> Exit:
            outcome = classify(client.get(PIPELINE_EXECUTION, name))
            resource = f"pipelineexecution/{name}"
            if not may_run(outcome):
                status = outcome.sagemaker_status or outcome.state
                result, said = Result.NOTHING, f"{resource} has ended already: {status}"
            elif dry_run is not DryRun.CLIENT and not delete_if_same(
                client, PIPELINE_EXECUTION, name, outcome.namespace, uid=outcome.uid
            ):
                result, said = Result.NOTHING, f"{resource} is gone already"
            elif dry_run is not DryRun.NONE:
                result, said = Result.WOULD_BE, f"{resource} would be stopped ({dry_run.value} dry run)"
            elif no_wait:
                result, said = Result.ASKED, f"{resource} asked to stop"
            else:
                try:
                    last, said = watch_stopping(client, outcome, log=_Silent())
                except KeyboardInterrupt:
                    where = f"ack-sagemaker get {resource}{cluster.arguments}"
                    raise Interrupted(f"\nIt is asked to stop. See what has come of it: {where}") from None
                result = Result.DONE if is_confirmed(last) else Result.ASKED
            deeds.add(PIPELINE_EXECUTION, name, client.namespace, result, said)
            return Exit.TIMED_OUT if result is Result.ASKED and not no_wait else Exit.DONE

        return each(execution_names(executions), end, lambda names: f"Not stopped: {again(executions=list(names))}")


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

    from airflow_ack_sagemaker.cli.collecting import collected, going
    from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of, runs_pipeline

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
        gone: list[Mapping[str, Any]] = []
        try:
            for resource in collected(client, chosen, dry_run):
                gone.append(resource)
        finally:  # what is deleted is told, whatever ends it
            show([row_of(resource) for resource in gone], PIPELINE_EXECUTION, output)
            verb = "collected" if dry_run is DryRun.NONE else "would be collected"
            complain(f"{len(gone)} of {len(resources)} {verb}.")


def _steps(client: KubeClient, resource: Mapping[str, Any], aws_conn_id: str | None) -> Steps:
    return Steps(
        definition=definition_text(client, resource), aws_conn_id=aws_conn_id, selected=selected_steps(resource)
    )


class _Silent:
    """A logger for what is printed as a result."""

    def info(self, event: str, /, *args: Any) -> None:
        return

    def warning(self, event: str, /, *args: Any) -> None:
        return
