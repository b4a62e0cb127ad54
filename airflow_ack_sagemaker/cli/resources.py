"""Commands about resources of any kind: list, get, describe, apply, delete."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import RESOURCES, DryRun, DryRunOption, Exit, InputError, again, command, complain
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, Region
from airflow_ack_sagemaker.cli.deeds import Deeds, Result
from airflow_ack_sagemaker.cli.definitions import (
    Adopt,
    Delete,
    Description,
    MaxParallelSteps,
    ResourceName,
    Tags,
    pipeline_spec,
)
from airflow_ack_sagemaker.cli.following import (
    NoWait,
    Say,
    Timeout,
    deadlines_of,
    each,
    exit_of,
    follow,
    tell_ending,
)
from airflow_ack_sagemaker.cli.output import Output, OutputOption, dump, dump_manifests, show_rows
from airflow_ack_sagemaker.cli.rows import row_of, show
from airflow_ack_sagemaker.cli.sagemakers_word import sagemakers_word
from airflow_ack_sagemaker.cli.sources import Placeholders, Source, Text, read_source
from airflow_ack_sagemaker.cli.targets import Target, Targets, common_kind, need_kind, targets_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import GROUP, PIPELINE, PIPELINE_EXECUTION, Kind


@command(
    "list",
    RESOURCES,
    """ack-sagemaker list --pipeline abalone --state Failed --since 7d
    ack-sagemaker list endpoints -o json""",
)
def list_(
    cluster: Cluster,
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="Kind, singular or plural.")] = "executions",
    all_namespaces: Annotated[bool, typer.Option("--all-namespaces", "-A", help="In all namespaces.")] = False,
    pipeline: Annotated[str | None, typer.Option(metavar="NAME", help="Executions of this pipeline.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help="Succeeded, Failed, InProgress, ...; may be repeated.")
    ] = None,
    dag: Annotated[str | None, typer.Option(metavar="DAG_ID", help="Executions that this DAG launched.")] = None,
    since: Annotated[str | None, typer.Option(metavar="AGE", help="Younger than 30m, 12h, 7d.")] = None,
    selector: Annotated[str, typer.Option("--selector", "-l", metavar="LABELS", help="Label selector.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List executions, or resources of another kind, the newest last."""
    from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
    from airflow_ack_sagemaker.core.resource.status import State

    wanted = need_kind(kind)
    states = {one.lower() for one in state or ()}
    if unknown := states - {one.value.lower() for one in State}:
        raise InputError(f"--state {', '.join(sorted(unknown))}: there are {', '.join(State)}.")
    after = _seconds_since(since) if since else None
    pipeline = None if pipeline is None else pipeline_name_of(pipeline)
    with cluster.client() as client:
        items = client.list(wanted, "" if all_namespaces else None, label_selector=selector).items
    items.sort(key=lambda item: (str(fields.created(item)), fields.name(item)))
    if after is not None:
        items = [item for item in items if (made := fields.created(item)) and made.timestamp() >= after]
    rows = [row_of({**item, "kind": wanted.kind}) for item in items]
    rows = [
        row
        for row in rows
        if (not states or row["state"].lower() in states)
        and (pipeline is None or row.get("pipeline") == pipeline)
        and (dag is None or row.get("dag_id") == dag)
    ]
    show(rows, wanted, output, all_namespaces=all_namespaces, empty="No resources found.")


@command("get", RESOURCES, "ack-sagemaker get pipeline/abalone -o yaml")
def get(cluster: Cluster, targets: Targets, output: OutputOption = Output.TABLE) -> Exit:
    """Print resources; as JSON or YAML whole, as the API server has them."""
    found: list[dict[str, Any]] = []
    with cluster.client() as client:
        wanted = targets_of(targets)

        def read(target: Target) -> Exit:
            found.append(client.get(target.kind, target.name))
            return Exit.DONE

        status = each(wanted, read)
    if output in (Output.JSON, Output.YAML):
        if found or len(wanted) > 1:
            dump(found[0] if len(wanted) == 1 else found, output)
    else:
        show([row_of(one) for one in found], common_kind(wanted), output)
    return status


@command("describe", RESOURCES, "ack-sagemaker describe abalone-0a1b2c3d4e5f-1")
def describe(
    cluster: Cluster,
    targets: Targets,
    no_steps: Annotated[
        bool, typer.Option("--no-steps", help="Do not ask SageMaker for an execution's steps.")
    ] = False,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Say everything about resources that matters to a person: state, reason, what to do, conditions, steps."""
    from airflow_ack_sagemaker.cli.describing import description_of, steps_of, text_of

    found: list[dict[str, Any]] = []
    with cluster.client() as client:
        wanted = targets_of(targets)

        def read(target: Target) -> Exit:
            resource = client.get(target.kind, target.name)
            description = description_of(resource)
            if target.kind is PIPELINE_EXECUTION and not no_steps:
                description["steps"] = steps_of(client, resource, aws_conn_id)
            found.append(description)
            return Exit.DONE

        status = each(wanted, read)
    if output is Output.NAME:
        show_rows(found, {}, output)
    elif output is Output.TABLE:
        for number, description in enumerate(found):
            print("" if number == 0 else "\n", end="")
            print(text_of(description), end="")
    elif found or len(wanted) > 1:
        dump(found[0] if len(wanted) == 1 else found, output)
    return status


@command(
    "apply",
    RESOURCES,
    """ack-sagemaker apply s3://my-bucket/abalone.json --pipeline abalone --role-arn arn:aws:iam::123456789012:role/sm
    ack-sagemaker render ... | ack-sagemaker apply -""",
)
def apply(
    cluster: Cluster,
    source: Source,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a definition: the pipeline's name in SageMaker.")
    ] = None,
    role_arn: Annotated[str | None, typer.Option(metavar="ARN", help="Of a definition: the pipeline's role.")] = None,
    placeholder: Placeholders = None,
    description: Description = None,
    max_parallel_steps: MaxParallelSteps = None,
    tag: Tags = None,
    resource_name: ResourceName = None,
    adopt: Adopt = False,
    delete_with_resource: Delete = False,
    no_wait: NoWait = False,
    timeout: Timeout = 600.0,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Apply a definition (with --pipeline and --role-arn) or manifests, and wait until they are synced."""
    text = read_source(source, cluster, aws_conn_id=aws_conn_id, region=region)
    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:
        if pipeline or role_arn:
            if not (pipeline and role_arn):
                raise InputError("A definition needs --pipeline and --role-arn.")
            spec = pipeline_spec(
                text,
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
            manifests = [spec.manifest(client.namespace)]
        else:
            manifests = manifests_of(text, client.namespace)
        rows: list[dict[str, Any]] = []
        if dry_run is DryRun.CLIENT:
            dump_manifests(manifests, output)
            return Exit.DONE
        status = each(
            manifests,
            lambda manifest: _apply(
                client, cluster, manifest, rows, no_wait or dry_run is not DryRun.NONE, timeout, aws_conn_id
            ),
            # What was applied is not written again.
            lambda left: f"Not applied: {', '.join(map(_named, left))}. Apply all of it again: {again()}",
        )
    show(rows, None, output)
    return status


@command("delete", RESOURCES, "ack-sagemaker delete pipeline/abalone")
def delete(
    cluster: Cluster,
    targets: Targets,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until they are gone.")] = False,
    timeout: Timeout = 120.0,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Delete resources. Their deletion policy says what becomes of the thing in AWS."""
    from airflow_ack_sagemaker.core.resource.status import classify
    from airflow_ack_sagemaker.core.run.deadlines import Goal
    from airflow_ack_sagemaker.kube.deletion import delete_if_same

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client, Deeds(output) as deeds:
        wanted = targets_of(targets)

        def remove(target: Target) -> Exit:
            resource = client.get(target.kind, target.name)
            outcome = classify(resource)
            if target.kind.is_job and not outcome.finished and outcome.started:
                if target.kind is PIPELINE_EXECUTION:
                    how = f"ack-sagemaker stop {target.name}{cluster.arguments}"
                else:  # its deletion has the controller stop it
                    which = f"{target.kind.singular}.{GROUP}/{target.name} --namespace {outcome.namespace}"
                    how = f"kubectl delete {which}{cluster.kubectl_arguments}"
                raise InputError(f"{outcome.resource} has not ended. To stop it: {how}")
            fate = _fate(resource, target.kind)

            def add(result: Result, what: str) -> None:
                said = f"{target.kind.singular}/{target.name} {what}"
                deeds.add(target.kind, target.name, client.namespace, result, said)

            if dry_run is not DryRun.CLIENT and not delete_if_same(
                client, target.kind, target.name, outcome.namespace, uid=outcome.uid
            ):
                add(Result.NOTHING, "is gone already")
                return Exit.DONE
            if dry_run is not DryRun.NONE:
                add(Result.WOULD_BE, f"would be deleted ({dry_run.value} dry run); {fate}")
                return Exit.DONE
            if no_wait:
                add(Result.ASKED, f"asked to go; {fate}")
                return Exit.DONE
            last, verdict = follow(
                client,
                cluster,
                target.kind,
                target.name,
                uid=outcome.uid,
                deadlines=deadlines_of(timeout, patient=True),
                goal=Goal.GONE,
            )
            if last.gone:
                add(Result.DONE, f"deleted; {fate}")
                return Exit.DONE
            add(Result.ASKED, f"is still there: {last.reason or 'its finalizer waits for the controller'}")
            return exit_of(last, verdict)

        return each(wanted, remove, lambda left: f"Not deleted: {again(targets=list(map(str, left)))}")


def manifests_of(text: Text, namespace: str) -> list[dict[str, Any]]:
    """The resources in a YAML or JSON text, in the order in which they are applied: what others need comes first.

    :raises InputError, SpecError: it is neither, or holds something else than resources of the controller.
    """
    from airflow_ack_sagemaker.core.resource.documents import document as checked
    from airflow_ack_sagemaker.core.resource.references import rank
    from airflow_ack_sagemaker.untrusted_yaml import MAX_ADDED, UntrustedYamlError, documents_in

    content = text.text.decode("utf-8", "replace") if isinstance(text.text, bytes) else text.text
    try:
        documents = [document for document in documents_in(content, aliases=MAX_ADDED) if document is not None]
    except UntrustedYamlError as error:
        said = "cannot be read" if error.reason else "is neither YAML nor JSON"
        raise InputError(f"{text.name} {said}: {error}") from error
    documents = [item for one in documents for item in (one["items"] if _is_list(one) else [one])]
    manifests = []
    for document in documents:
        if isinstance(document, Mapping) and "Version" in document and "Steps" in document:
            raise InputError(f"{text.name} is a pipeline definition: give --pipeline and --role-arn as well.")
        if not isinstance(document, Mapping) or not fields.name(document) or "kind" not in document:
            raise InputError(f"{text.name} holds something that is no resource: kind and metadata.name are needed.")
        kind = need_kind(str(document["kind"]))
        checked(kind.kind, fields.name(document), document.get("spec", {}), where=f"{text.name}: ")
        kept = {key: value for key, value in document.items() if key != "status"}
        placed = {**fields.metadata(document), "namespace": fields.namespace(document) or namespace}
        for server_side in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
            placed.pop(server_side, None)
        manifests.append({**kept, "metadata": placed})
    if not manifests:
        raise InputError(f"{text.name} holds no resource.")
    return sorted(manifests, key=lambda manifest: rank(need_kind(str(manifest["kind"])).kind))


def _is_list(document: Any) -> bool:
    is_list = isinstance(document, Mapping) and str(document.get("kind", "")).endswith("List")
    return is_list and isinstance(document.get("items"), list)


def _named(manifest: Mapping[str, Any]) -> str:
    return f"{str(manifest['kind']).lower()}/{fields.name(manifest)}"


def _apply(
    client: Any,
    cluster: Cluster,
    manifest: Mapping[str, Any],
    rows: list[dict[str, Any]],
    no_wait: bool,
    timeout: float | None,
    aws_conn_id: str | None,
) -> Exit:
    from airflow_ack_sagemaker.core.run.deadlines import Goal
    from airflow_ack_sagemaker.kube.errors import NotFound
    from airflow_ack_sagemaker.runs.apply import apply_resource

    kind, name = need_kind(str(manifest["kind"])), fields.name(manifest)
    place = fields.namespace(manifest)
    if place != client.namespace:
        raise InputError(f"{kind.singular}/{name} is meant for namespace {place}: apply it with --namespace {place}.")
    applied = apply_resource(client, kind, manifest, log=Say())
    if not applied.changed:
        complain(f"{kind.singular}/{name} is as it should be.")
    status = Exit.DONE
    # What this command has written itself will be answered.
    word = sagemakers_word(aws_conn_id) if kind is PIPELINE and not applied.changed else None
    if not no_wait:
        outcome, verdict = follow(
            client,
            cluster,
            kind,
            name,
            uid=applied.outcome.uid,
            deadlines=deadlines_of(timeout),
            goal=Goal.STARTED if kind.is_job else Goal.FINISHED,
            judge=word,
            look_again=word is not None,
        )
        tell_ending(outcome, verdict)
        status = exit_of(outcome, verdict)
    try:
        now = client.get(kind, name)
        rows.append(row_of(now, None if word is None else word.observe(now)))
    except NotFound:  # a dry run of something new
        rows.append(row_of({**manifest, "kind": kind.kind}))
    return status


def _fate(resource: Mapping[str, Any], kind: Kind) -> str:
    from airflow_ack_sagemaker.core.resource.manifest import ANNOTATION_DELETION_POLICY

    if kind.is_job:
        return "SageMaker keeps its record of it"
    policy = fields.annotation(resource, ANNOTATION_DELETION_POLICY)
    if policy == "retain":
        return "SageMaker's own stays (deletion policy retain)"
    if policy == "delete":
        return "SageMaker's own goes, too (deletion policy delete)"
    return "whether SageMaker's own stays, the namespace's or the controller's deletion policy says"


def _seconds_since(duration: str) -> float:
    """A Unix time so long ago. :raises InputError: not a duration such as 30m, 12h or 7d."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = duration[:-1], duration[-1:]
    if unit not in units or not number.isdecimal():
        raise InputError(f"{duration!r} is not a duration: write 90s, 30m, 12h or 7d.")
    return time.time() - float(number) * units[unit]
