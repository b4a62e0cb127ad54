"""``ack-sagemaker doctor``: what is wrong between the cluster, its ACK controller and SageMaker, and what to do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.doctor.findings import Finding, examine, tell_duplicate
from airflow_ack_sagemaker.core.printable import printable
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import SpecError, pipeline_name_of, runs_pipeline
from airflow_ack_sagemaker.core.run.duplicates import StartedExecution, duplicates

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

LOOK_BACK = timedelta(days=30)
"""Executions that are older are not compared with the cluster: a training job lasts at most 28 days."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Look at the Pipeline and PipelineExecution resources of a namespace and at SageMaker, and say what is wrong "
        "and what to do. Nothing is changed. Exit status: 0 nothing is wrong, 1 something is, 2 something could not be "
        "checked."
    )
    parser.epilog = (
        "SageMaker is asked with boto3's own credentials and settings (AWS_PROFILE, AWS_DEFAULT_REGION, "
        "AWS_ENDPOINT_URL, ...), which need sagemaker:ListPipelineExecutions."
    )
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: as kubectl finds it; in a pod its own account")
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: its current one)")
    parser.add_argument("--namespace", metavar="NS", help="namespace to look at (default: the context's)")
    parser.add_argument("--pipeline", metavar="NAME", help="look at this SageMaker pipeline only")
    parser.add_argument("--no-aws", action="store_true", help="do not ask SageMaker for executions that nobody owns")


@dataclass
class Report:
    """What was found, and what could not be looked at."""

    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The exit status."""
        return 1 if self.findings else 2 if self.unchecked else 0

    def __str__(self) -> str:
        lines = [f"Checked: {'; '.join(self.checked)}."] if self.checked else []
        for number, finding in enumerate(self.findings, start=1):
            lines += ["", f"{number}. {finding.what}.", f"   where: {finding.where}"]
            lines += [f"   to do: {finding.todo}"] if finding.todo else []
        lines += [f"\nNot checked: {why}" for why in self.unchecked]
        if not self.findings and not self.unchecked:
            lines.append("Nothing is wrong.")
        return "\n".join(lines)


def doctor(options: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.kube.connection.config import cluster_config
    from airflow_ack_sagemaker.kube.errors import KindNotInstalled, KubeError

    report = Report()
    extra = {
        "kube_config_path": options.kubeconfig,
        "cluster_context": options.context,
        "namespace": options.namespace,
    }
    try:
        with KubeClient(cluster_config(extra, conn_id="of the command line")) as client:
            _examine(client, options, report)
    except KindNotInstalled as error:
        todo = "Install the ACK SageMaker controller with its custom resource definitions, or choose another context."
        report.findings.append(Finding("The cluster does not know the kinds", str(error), todo))
    except (KubeError, SpecError) as error:
        report.unchecked.append(str(error))
    print(printable(str(report)), file=sys.stdout if report.checked or report.findings else sys.stderr)
    return report.status


def _examine(client: KubeClient, options: argparse.Namespace, report: Report) -> None:
    namespace = client.namespace
    resources = []
    for kind in (PIPELINE, PIPELINE_EXECUTION):
        items = client.list(kind, namespace).items
        resources += [{**item, "kind": kind.kind} for item in items if _is_wanted(item, options.pipeline)]
    executions = [resource for resource in resources if resource["kind"] == PIPELINE_EXECUTION.kind]
    pipelines = len(resources) - len(executions)
    report.checked.append(
        f"cluster {client.config.server}, namespace {namespace} ({pipelines} pipelines, {len(executions)} executions)"
    )
    now = client.server_time or datetime.now(timezone.utc)
    _permissions(client, namespace, report)
    report.findings += examine(resources, now=now)
    if not options.no_aws:
        _unowned(resources, executions, namespace, now, options.pipeline, report)


def _is_wanted(resource: Mapping[str, Any], pipeline: str | None) -> bool:
    return pipeline is None or runs_pipeline(resource, pipeline_name_of(pipeline))


def _permissions(client: KubeClient, namespace: str, report: Report) -> None:
    from airflow_ack_sagemaker.kube.access import VERBS
    from airflow_ack_sagemaker.kube.errors import KubeError

    for kind in (PIPELINE, PIPELINE_EXECUTION):
        try:
            missing = [verb for verb in VERBS if not client.may(verb, kind, namespace)]
        except KubeError as error:
            report.unchecked.append(f"the permissions of this user: {error}")
            return
        if missing:
            report.findings.append(
                Finding(
                    f"This user may not {', '.join(missing)} {kind.plural}",
                    f"namespace {namespace}, {client.config.source}",
                    "If Airflow connects as this user, grant it the Role of deploy/kubernetes/rbac.yaml. Without watch "
                    "tasks poll; without the others they fail.",
                )
            )


def _unowned(
    resources: Sequence[Mapping[str, Any]],
    executions: Sequence[Mapping[str, Any]],
    namespace: str,
    now: datetime,
    pipeline: str | None,
    report: Report,
) -> None:
    """Executions that SageMaker has and no resource owns."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_ack_sagemaker.aws.executions import executions as listed

    wanted = {(_region(one), str((one.get("spec") or {}).get("pipelineName")).rpartition("/")[2]) for one in resources}
    if pipeline is not None and not wanted:
        wanted = {(None, pipeline_name_of(pipeline))}
    found: list[StartedExecution] = []
    asked = 0
    for region, name in sorted(wanted, key=str):
        try:
            client = boto3.client("sagemaker", region_name=region)
            found += listed(client, name, since=now - LOOK_BACK)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceNotFound":  # applied, and not yet in SageMaker
                report.unchecked.append(f"executions of {name} in SageMaker: {error}")
                return
        except BotoCoreError as error:
            report.unchecked.append(f"executions of {name} in SageMaker: {error}")
            return
        asked += 1
    # One pipeline may be known with its region and without.
    found = list({one.arn: one for one in found}.values())
    report.checked.append(f"SageMaker ({len(found)} executions of {asked} pipelines in {LOOK_BACK.days} days)")
    report.findings += [tell_duplicate(one, namespace) for one in duplicates(found, executions, now=now)]


def _region(resource: Mapping[str, Any]) -> str | None:
    """Where the resource is; None: where boto3 is told to look."""
    status = resource.get("status") or {}
    region = (status.get("ackResourceMetadata") or {}).get("region")
    return str(region) if region else None
