"""``ack-sagemaker doctor``: what is wrong between the cluster, its ACK controller, SageMaker and S3, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import INSTALLATION, Exit, command
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, aws_client
from airflow_ack_sagemaker.cli.output import Output, OutputOption, dump
from airflow_ack_sagemaker.core.doctor.lines import Level, Line, worst
from airflow_ack_sagemaker.core.printable import printable
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, PIPELINE, PIPELINE_EXECUTION, VERSION, kind_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.doctor.findings import Finding
    from airflow_ack_sagemaker.kube.client import KubeClient

LOOK_BACK = timedelta(days=30)
"""Executions that are older are not compared with the cluster: a training job lasts at most 28 days."""
HISTORY_LIMIT = 10
"""Finished executions of each pipeline that ``--fix`` leaves."""
_MARKS = {Level.OK: "ok", Level.PROBLEM: "PROBLEM", Level.UNCHECKED: "unchecked", Level.SKIPPED: "skipped"}
_ENDPOINT = kind_of("Endpoint")


@command(
    "doctor",
    INSTALLATION,
    """ack-sagemaker doctor --namespace ml
    ack-sagemaker doctor -o json --no-aws""",
)
def doctor(
    cluster: Cluster,
    pipeline: Annotated[str | None, typer.Option(metavar="NAME", help="Look at this SageMaker pipeline only.")] = None,
    no_aws: Annotated[bool, typer.Option("--no-aws", help="Do not ask SageMaker, S3 and IAM.")] = False,
    fix: Annotated[
        bool,
        typer.Option("--fix", help=f"Collect finished executions beyond {HISTORY_LIMIT} of a pipeline; nothing else."),
    ] = False,
    aws_conn_id: AwsConnId = None,
    output: OutputOption = Output.TABLE,
) -> Exit:
    """Say what is wrong with an installation (Helm or EKS capability), and what to do. Only --fix changes anything.

    AWS is asked for executions that nobody owns (sagemaker:ListPipelineExecutions), for the definitions' objects
    (s3:GetObject, kms:Decrypt) and for the roles' trust (iam:GetRole, skipped where it is not allowed). Exit status: 3
    something is wrong, 1 something could not be checked.
    """
    from airflow_ack_sagemaker.core.errors import AckError
    from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
    from airflow_ack_sagemaker.kube.errors import ConfigError, KubeError

    lines: list[Line] = []
    where = {"server": None, "namespace": cluster.namespace}
    only = None if pipeline is None else pipeline_name_of(pipeline)
    try:
        with cluster.client() as client:
            where = {"server": client.config.server, "namespace": client.namespace}
            lines += _examine(client, only, no_aws, aws_conn_id, fix)
    except (ConfigError, KubeError, AckError) as error:
        lines.append(Line("cluster", Level.UNCHECKED, str(error)))
    _show(lines, where, output)
    return {Level.PROBLEM: Exit.BAD, Level.UNCHECKED: Exit.FAILED}.get(worst(lines), Exit.DONE)


def _show(lines: Sequence[Line], where: Mapping[str, Any], output: Output) -> None:
    if output in (Output.JSON, Output.YAML):
        dump({**where, "result": worst(lines).value, "lines": [asdict(line) for line in lines]}, output)
        return
    for line in lines:
        if output is Output.NAME:
            print(f"{line.check}={line.level.value}")
            continue
        place = f"  [{line.where}]" if line.where else ""
        # What a controller or SageMaker says may hold a terminal's escapes.
        print(printable(f"{_MARKS[line.level]:<10} {line.check:<11} {line.what}{place}"))
        if line.todo:
            print(printable(f"{'':<10} {'to do:':<11} {line.todo}"))
    if output is Output.TABLE and worst(lines) is Level.OK:
        print("Nothing is wrong.")


def _examine(client: KubeClient, pipeline: str | None, no_aws: bool, aws_conn_id: str | None, fix: bool) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.findings import examine
    from airflow_ack_sagemaker.core.doctor.installation import watched
    from airflow_ack_sagemaker.core.resource.manifest import runs_pipeline

    lines = _cluster(client)
    if any(line.level is Level.PROBLEM for line in lines):
        return lines  # without the kinds nothing else can be asked
    lines += _permissions(client)
    resources = []
    for kind in (PIPELINE, PIPELINE_EXECUTION):
        items = client.list(kind).items
        resources += [
            {**item, "kind": kind.kind} for item in items if pipeline is None or runs_pipeline(item, pipeline)
        ]
    executions = [one for one in resources if one["kind"] == PIPELINE_EXECUTION.kind]
    pipelines = [one for one in resources if one["kind"] == PIPELINE.kind]
    now = client.server_time or datetime.now(timezone.utc)
    counted = f"{len(pipelines)} pipelines, {len(executions)} executions"
    lines.append(Line("resources", Level.OK, counted, f"namespace {client.namespace}"))
    lines += _lease(client, now)
    lines += watched(resources, client.namespace, now)
    lines += [_line(finding) for finding in examine(resources, now=now)]
    lines += _endpoints(client)
    lines += _roles(pipelines)
    if fix:
        lines += _fix(client, executions, now)
    if not no_aws:
        lines += _unowned(resources, executions, client.namespace, now, pipeline, aws_conn_id)
        lines += _definitions(pipelines, aws_conn_id)
        lines += _trust(pipelines, aws_conn_id)
    return lines


def _line(finding: Finding) -> Line:
    return Line(finding.check, Level.PROBLEM, finding.what, finding.where, finding.todo, finding.fixable)


def _cluster(client: KubeClient) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.installation import fields_served, kinds_served
    from airflow_ack_sagemaker.kube.errors import ApiError, KindNotInstalled, NotFound

    version = client.document("/version").get("gitVersion")
    lines = [Line("cluster", Level.OK, f"Kubernetes {version}", f"{client.config.server}, {client.config.source}")]
    try:
        lines.append(kinds_served(client.document(f"/apis/{API_VERSION}")))
    except (KindNotInstalled, NotFound):
        lines.append(kinds_served({}))
        return lines
    try:
        lines.append(fields_served(client.document(f"/openapi/v3/apis/{GROUP}/{VERSION}")))
    except ApiError as error:
        lines.append(Line("fields", Level.SKIPPED, f"The API server does not tell the kinds' fields: {error}"))
    return lines


def _permissions(client: KubeClient) -> list[Line]:
    from airflow_ack_sagemaker.kube.access import VERBS
    from airflow_ack_sagemaker.kube.errors import KubeError

    lines = []
    for kind in (PIPELINE, PIPELINE_EXECUTION):
        try:
            missing = [verb for verb in VERBS if not client.may(verb, kind)]
        except KubeError as error:
            return [Line("rights", Level.UNCHECKED, f"The rights of this user cannot be asked: {error}")]
        if missing:
            lines.append(
                Line(
                    "rights",
                    Level.PROBLEM,
                    f"This user may not {', '.join(missing)} {kind.plural}",
                    f"namespace {client.namespace}, {client.config.source}",
                    "If Airflow connects as this user, grant it the Role of deploy/kubernetes/rbac.yaml. Without watch "
                    "tasks poll; without the others they fail.",
                )
            )
    return lines or [Line("rights", Level.OK, f"This user may {', '.join(VERBS)} pipelines and executions")]


def _lease(client: KubeClient, now: datetime) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.installation import LEASE, LEASE_NAMESPACES, lease
    from airflow_ack_sagemaker.kube.errors import ApiError

    for namespace in LEASE_NAMESPACES:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}"
        try:
            return [lease(client.document(path), now)]
        except ApiError:
            continue  # not allowed, or there is none: leader election is off by default
    return []


def _endpoints(client: KubeClient) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.endpoints import endpoints
    from airflow_ack_sagemaker.kube.errors import ApiError

    try:
        items = client.list(_ENDPOINT).items
    except ApiError:
        return []  # a user of pipelines alone need not be allowed to see endpoints
    return list(endpoints([{**item, "kind": _ENDPOINT.kind} for item in items]))


def _roles(pipelines: Sequence[Mapping[str, Any]]) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.roles import plausible_role

    return [line for one in pipelines if (line := plausible_role(one)) is not None]


def _fix(client: KubeClient, executions: Sequence[Mapping[str, Any]], now: datetime) -> list[Line]:
    """Collect what has long ended. SageMaker keeps the executions, so that nothing is lost."""
    from airflow_ack_sagemaker.cli.collecting import going
    from airflow_ack_sagemaker.kube.deletion import delete_if_same

    chosen = going(executions, now=now, history_limit=HISTORY_LIMIT)
    for resource in chosen:
        delete_if_same(client, PIPELINE_EXECUTION, fields.name(resource), client.namespace, uid=fields.uid(resource))
    return [
        Line("fixed", Level.OK, f"{len(chosen)} finished executions were collected", f"namespace {client.namespace}")
    ]


def _unowned(
    resources: Sequence[Mapping[str, Any]],
    executions: Sequence[Mapping[str, Any]],
    namespace: str,
    now: datetime,
    pipeline: str | None,
    aws_conn_id: str | None,
) -> list[Line]:
    """Executions that SageMaker has and no resource owns."""
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_ack_sagemaker.aws.executions import executions as listed
    from airflow_ack_sagemaker.core.doctor.findings import tell_duplicate
    from airflow_ack_sagemaker.core.run.duplicates import StartedExecution, duplicates

    wanted = {(fields.region(one), fields.pipeline_name(one)) for one in resources if fields.pipeline_name(one)}
    if pipeline is not None and not wanted:
        wanted = {(None, pipeline)}
    found: list[StartedExecution] = []
    asked = 0
    for region, name in sorted(wanted, key=str):
        try:
            client = aws_client("sagemaker", aws_conn_id=aws_conn_id, region=region)
            found += listed(client, name, since=now - LOOK_BACK)
        except (BotoCoreError, ClientError) as error:
            if _code(error) == "ResourceNotFound":  # applied, and not yet in SageMaker
                continue
            todo = "Give AWS credentials that may sagemaker:ListPipelineExecutions, or --no-aws."
            return [Line("sagemaker", Level.UNCHECKED, f"Executions of {name} in SageMaker: {error}", todo=todo)]
        asked += 1
    # One pipeline may be known with its region and without.
    found = list({one.arn: one for one in found}.values())
    counted = f"{len(found)} executions of {asked} pipelines in {LOOK_BACK.days} days"
    return [
        Line("sagemaker", Level.OK, counted),
        *(_line(tell_duplicate(one, namespace)) for one in duplicates(found, executions, now=now)),
    ]


def _definitions(pipelines: Sequence[Mapping[str, Any]], aws_conn_id: str | None) -> list[Line]:
    """Whether the definitions can be read where the pipelines came from; that takes the KMS key, too."""
    from airflow_ack_sagemaker.aws.errors import SourceError
    from airflow_ack_sagemaker.aws.s3 import S3Source, fetch_definition
    from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_SOURCE

    sources = {fields.annotation(one, ANNOTATION_DEFINITION_SOURCE) for one in pipelines}
    lines, read = [], 0
    client: Any = None
    for source in sorted(one for one in sources if one and one.startswith("s3")):
        try:
            client = client or aws_client("s3", aws_conn_id=aws_conn_id)
            fetch_definition(S3Source.parse(source), aws_conn_id=aws_conn_id, client=client)
            read += 1
        except SourceError as error:
            level = Level.UNCHECKED if error.retryable else Level.PROBLEM
            lines.append(Line("s3", level, str(error), source, "See the policy in deploy/iam/airflow.json."))
        except Exception as error:  # botocore's, before anything was sent: no credentials, no such profile
            return [Line("s3", Level.UNCHECKED, f"S3 cannot be asked: {error}", source)]
    return [*([Line("s3", Level.OK, f"{read} definitions are readable in S3")] if read else []), *lines]


def _trust(pipelines: Sequence[Mapping[str, Any]], aws_conn_id: str | None) -> list[Line]:
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_ack_sagemaker.core.doctor.roles import plausible_role, trusts_sagemaker

    lines = []
    arns = {str(fields.spec(one).get("roleARN")) for one in pipelines if plausible_role(one) is None}
    for arn in sorted(arns):
        try:
            client = aws_client("iam", aws_conn_id=aws_conn_id, region="us-east-1")
            role = client.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        except ClientError as error:
            if _code(error) == "NoSuchEntity":
                what = "The account of these AWS credentials has no such role"
                todo = "Unless they are of another account, create the role or correct roleARN."
                lines.append(Line("trust", Level.SKIPPED, what, arn, todo))
                continue
            lines.append(Line("trust", Level.SKIPPED, f"The role cannot be looked at: {error}", arn))
        except BotoCoreError as error:
            lines.append(Line("trust", Level.SKIPPED, f"The role cannot be looked at: {error}", arn))
        else:
            lines.append(trusts_sagemaker(arn, role["AssumeRolePolicyDocument"]))
    return lines


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
