"""Commands about models and endpoints: approve, deploy, rollback. Each is one change of one resource, and a wait for
what it leads to.

What an endpoint says is easily misread: `core.lifecycle.standing` says how, and judges here as for the operators.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import LIFECYCLE, DryRun, DryRunOption, Exit, InputError, again, command, complain
from airflow_ack_sagemaker.cli.connection import Cluster
from airflow_ack_sagemaker.cli.deeds import Deeds, Result
from airflow_ack_sagemaker.cli.following import NoWait, Timeout, deadlines_of, each, exit_of, follow
from airflow_ack_sagemaker.cli.output import Output, OutputOption
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import kind_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.lifecycle.follower import RolloutFollower
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

MODEL_PACKAGE, ENDPOINT, ENDPOINT_CONFIG = kind_of("ModelPackage"), kind_of("Endpoint"), kind_of("EndpointConfig")
ANNOTATION_PREVIOUS_CONFIG = "airflow-ack-sagemaker/previous-endpoint-config"
"""Of an Endpoint: the configuration that the last `deploy` replaced. No field of its status names it."""
Endpoints = Annotated[list[str], typer.Argument(metavar="ENDPOINT...", help="Names of the Endpoint resources.")]
_ROUNDS = 20
_MAX_COMMENT = 1024
"""API model, ``ApprovalDescription``."""


class Approval(StrEnum):
    """ModelApprovalStatus of the SageMaker API."""

    APPROVED = "Approved"
    REJECTED = "Rejected"
    PENDING = "PendingManualApproval"


@command("approve", LIFECYCLE, "ack-sagemaker approve abalone-v12 --comment 'RMSE 1.9, reviewed by Kim'")
def approve(
    cluster: Cluster,
    model_packages: Annotated[list[str], typer.Argument(metavar="MODEL_PACKAGE...", help="Names of the resources.")],
    reject: Annotated[bool, typer.Option("--reject", help="Reject instead.")] = False,
    pending: Annotated[bool, typer.Option("--pending", help="Take the decision back.")] = False,
    comment: Annotated[str | None, typer.Option(help="Why: SageMaker's ApprovalDescription.")] = None,
    no_wait: NoWait = False,
    timeout: Timeout = 300.0,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Approve versions of a model (or reject them). Only a Completed version can be."""
    from airflow_ack_sagemaker.core.lifecycle.registry import asked_again
    from airflow_ack_sagemaker.core.resource.status import State, classify

    if reject and pending:
        raise InputError("--reject and --pending exclude each other.")
    if comment is not None and not 0 < len(comment) <= _MAX_COMMENT:
        raise InputError(f"--comment has {len(comment)} characters; SageMaker takes 1 to {_MAX_COMMENT}.")
    approval = Approval.REJECTED if reject else Approval.PENDING if pending else Approval.APPROVED
    spec: dict[str, Any] = {"modelApprovalStatus": approval.value}
    if comment is not None:
        spec["approvalDescription"] = comment

    def prepare(resource: Mapping[str, Any]) -> dict[str, Any]:
        status = fields.status_text(resource, "modelPackageStatus")
        if status != "Completed":
            raise InputError(
                f"modelpackage/{fields.name(resource)} is {status or 'not in SageMaker yet'}; only a Completed one is "
                "decided on."
            )
        live = fields.spec(resource)
        if classify(resource).state is State.REFUSED and all(live.get(key) == it for key, it in spec.items()):
            said = comment or fields.text(live, "approvalDescription") or approval.value
            return {"spec": {**spec, "approvalDescription": asked_again(said)}}
        return {"spec": spec}

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client, Deeds(output) as deeds:
        return each(
            model_packages,
            lambda name: _change(
                client, cluster, deeds, MODEL_PACKAGE, name, prepare, approval.value, no_wait, timeout, dry_run
            ),
            lambda names: f"Not begun: {again(model_packages=list(names))}",
        )


@command("deploy", LIFECYCLE, "ack-sagemaker deploy abalone --endpoint-config abalone-20261124")
def deploy(
    cluster: Cluster,
    endpoints: Endpoints,
    endpoint_config: Annotated[str, typer.Option(metavar="NAME", help="Name of the EndpointConfig in SageMaker.")],
    no_wait: NoWait = False,
    timeout: Timeout = 3600.0,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Have endpoints serve another configuration, and wait until they do. `rollback` undoes it."""

    def prepare(resource: Mapping[str, Any]) -> dict[str, Any]:
        serving = _serves(resource)
        _refuse_hopeless(resource, endpoint_config)
        body: dict[str, Any] = {"spec": {"endpointConfigName": endpoint_config}}
        if serving and serving != endpoint_config:
            body["metadata"] = {"annotations": {ANNOTATION_PREVIOUS_CONFIG: serving}}
        return body

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client, Deeds(output) as deeds:
        _look_for_config(client, endpoint_config)
        what = f"serve {endpoint_config}"

        def serve(name: str) -> Exit:
            status = _change(client, cluster, deeds, ENDPOINT, name, prepare, what, no_wait, timeout, dry_run)
            if status in (Exit.BAD, Exit.TIMED_OUT):
                complain(
                    "SageMaker keeps or restores the old fleet. Clear the endpoint: ack-sagemaker rollback "
                    f"{name}{cluster.arguments}"
                )
            return status

        return each(endpoints, serve, lambda names: f"Not begun: {again(endpoints=list(names))}")


@command("rollback", LIFECYCLE, "ack-sagemaker rollback abalone")
def rollback(
    cluster: Cluster,
    endpoints: Endpoints,
    to: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="EndpointConfig to go back to (default: that before `deploy`)."),
    ] = None,
    no_wait: NoWait = False,
    timeout: Timeout = 3600.0,
    dry_run: DryRunOption = DryRun.NONE,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Have endpoints serve what they served before the last `deploy`; this clears one after a failed update."""

    def prepare(resource: Mapping[str, Any]) -> dict[str, Any]:
        config = to or fields.annotation(resource, ANNOTATION_PREVIOUS_CONFIG)
        if not config:
            raise InputError(
                f"endpoint/{fields.name(resource)} does not say what it served before, since no `deploy` changed it: "
                "name it with --to."
            )
        complain(f"Back to {config}.")
        return {"spec": {"endpointConfigName": config}}

    with cluster.client(dry_run=dry_run is DryRun.SERVER) as client, Deeds(output) as deeds:
        return each(
            endpoints,
            lambda name: _change(
                client, cluster, deeds, ENDPOINT, name, prepare, "roll back", no_wait, timeout, dry_run
            ),
            lambda names: f"Not begun: {again(endpoints=list(names))}",
        )


def _change(
    client: KubeClient,
    cluster: Cluster,
    deeds: Deeds,
    kind: Kind,
    name: str,
    prepare: Any,
    what: str,
    no_wait: bool,
    timeout: float | None,
    dry_run: DryRun,
) -> Exit:
    """Patch one resource and wait for the controller's answer to it.

    :param prepare: gives the merge patch for the resource as it is, or raises `InputError`.
    """
    from airflow_ack_sagemaker.core.lifecycle.told import serving_now, told
    from airflow_ack_sagemaker.core.run.endings import ending

    before, resource = _patched(client, kind, name, prepare, dry_run)

    def add(result: Result, said: str) -> None:
        deeds.add(kind, name, client.namespace, result, f"{kind.singular}/{name}{said}")

    if dry_run is not DryRun.NONE:
        add(Result.WOULD_BE, f" would be changed: {what} ({dry_run.value} dry run)")
        return Exit.DONE
    if no_wait:
        add(Result.ASKED, f" asked to change: {what}")
        return Exit.DONE
    rollout = _rollout(before, resource) if kind is ENDPOINT else None
    outcome, verdict = follow(
        client,
        cluster,
        kind,
        name,
        uid=fields.uid(resource),
        deadlines=deadlines_of(timeout, patient=True),
        judge=rollout,
    )
    status = exit_of(outcome, verdict)
    if status is Exit.DONE:
        add(Result.DONE, f": {what}: done")
    elif status is Exit.TIMED_OUT or rollout is None or rollout.reading is None:
        result = Result.ASKED if status is Exit.TIMED_OUT else Result.FAILED
        add(result, f": {what}: {ending(outcome, verdict)}")
    else:
        now = serving_now(rollout.reading.serves)
        add(Result.FAILED, f": {what}: {told(rollout.reading, rollout.rollout, model=None, now=now)}")
    return status


def _rollout(before: Mapping[str, Any], endpoint: Mapping[str, Any]) -> RolloutFollower:
    """Reads the endpoint as the operators do: a rollback, in silence too, is no success and no update that runs on.

    :param before: the endpoint as it was before it was asked for its configuration.
    """
    from airflow_ack_sagemaker.core.lifecycle.follower import RolloutFollower
    from airflow_ack_sagemaker.core.lifecycle.standing import Rollout

    config = fields.text(fields.spec(endpoint), "endpointConfigName") or ""
    return RolloutFollower(Rollout(config, _serves(before)), complain)


def _serves(endpoint: Mapping[str, Any]) -> str | None:
    """The configuration that serves now; None: none, or it is not known.

    What the resource asks for is not it where the update to it has failed, is refused by AWS for now, or was not taken
    up by the controller yet.
    """
    from airflow_ack_sagemaker.core.lifecycle.standing import serving_config
    from airflow_ack_sagemaker.core.resource.freshness import change_waits
    from airflow_ack_sagemaker.core.resource.status import State, classify

    outcome = classify(endpoint)
    if outcome.state is not State.SUCCEEDED:
        return serving_config(endpoint)
    return None if change_waits(endpoint) else fields.text(fields.spec(endpoint), "endpointConfigName")


def _patched(
    client: KubeClient, kind: Kind, name: str, prepare: Any, dry_run: DryRun
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The resource before the patch and after it, made at a moment from which the controller's answer can be told
    (`core.resource.freshness`).
    """
    from airflow_ack_sagemaker.core.resource.freshness import change_note, pause_before_change
    from airflow_ack_sagemaker.kube.errors import Conflict

    waited = False
    for _ in range(_ROUNDS):
        live = client.get(kind, name)
        body = prepare(live)
        if dry_run is DryRun.CLIENT or all(fields.spec(live).get(key) == it for key, it in body["spec"].items()):
            return live, live
        pause = pause_before_change(live, client.server_time)
        if pause and not waited:
            waited = True
            time.sleep(pause.total_seconds())
            continue
        body["metadata"] = {"annotations": {**fields.annotations_of(body), **change_note(live)}}
        try:
            return live, client.patch(kind, name, body, resource_version=fields.version(live))
        except Conflict:
            continue  # somebody, most likely the controller, wrote in between: look again
    raise InputError(f"{kind.singular}/{name} was changed by somebody else {_ROUNDS} times: find the other writer.")


def _refuse_hopeless(resource: Mapping[str, Any], endpoint_config: str) -> None:
    """What the controller would never do. :raises InputError: with what to do instead."""
    name = fields.name(resource)
    if fields.status_text(resource, "endpointStatus") == "Failed":
        raise InputError(f"endpoint/{name} is Failed, which no update mends: delete it and create it again.")
    tried = fields.annotation(resource, "sagemaker.services.k8s.aws/last-endpoint-config-for-update")
    reason = fields.status_text(resource, "failureReason")
    if tried == endpoint_config and reason and not reason.startswith("Request to service failed"):
        raise InputError(
            f"The update of endpoint/{name} to {endpoint_config} has failed before ({reason}), and the "
            "controller refuses to try the same configuration again: create an EndpointConfig of another name."
        )


def _look_for_config(client: KubeClient, endpoint_config: str) -> None:
    """Warn where no resource makes the configuration; somebody may have made it in SageMaker by hand."""
    from airflow_ack_sagemaker.kube.errors import Forbidden

    try:
        configs = client.list(ENDPOINT_CONFIG).items
    except Forbidden:
        return
    if not any(fields.spec(one).get("endpointConfigName") == endpoint_config for one in configs):
        complain(f"Warning: no EndpointConfig resource in namespace {client.namespace} is named {endpoint_config}.")
