"""``ack-sagemaker doctor``: what is wrong between the cluster, its ACK controller, SageMaker and S3, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker import __version__
from airflow_ack_sagemaker.cli.app import INSTALLATION, DryRun, DryRunOption, Exit, command
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, aws_client
from airflow_ack_sagemaker.cli.output import Output, OutputOption, dump
from airflow_ack_sagemaker.core.doctor.lines import Level, Line, unseen, worst
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, PIPELINE, PIPELINE_EXECUTION, VERSION

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.doctor.findings import Finding
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

LOOK_BACK = timedelta(days=30)
"""Executions that are older are not compared with the cluster: a training job lasts at most 28 days."""
HISTORY_LIMIT = 10
"""Finished executions of each pipeline that ``--fix`` leaves."""
_MARKS = {Level.OK: "ok", Level.PROBLEM: "PROBLEM", Level.UNCHECKED: "unchecked", Level.SKIPPED: "skipped"}


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
    dry_run: DryRunOption = DryRun.NONE,
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

    lines = [Line("version", Level.OK, f"airflow-ack-sagemaker {__version__}")]
    where = {"server": None, "namespace": cluster.namespace}
    only = None if pipeline is None else pipeline_name_of(pipeline)
    try:
        with cluster.client(dry_run=dry_run is DryRun.SERVER) as client:
            where = {"server": client.config.server, "namespace": client.namespace}
            _examine(lines, client, only, no_aws, aws_conn_id, dry_run if fix else None)
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
        print(f"{_MARKS[line.level]:<10} {line.check:<11} {line.what}{place}")
        if line.todo:
            print(f"{'':<10} {'to do:':<11} {line.todo}")
    if output is Output.TABLE and worst(lines) is not Level.PROBLEM:
        count = unseen(lines)
        print(f"Nothing wrong was found; {count} could not be looked at." if count else "Nothing is wrong.")


def _examine(
    lines: list[Line],
    client: KubeClient,
    pipeline: str | None,
    no_aws: bool,
    aws_conn_id: str | None,
    fix: DryRun | None,
) -> None:
    """Add to the lines as it goes: what was found stays, also where the next thing cannot be looked at."""
    from airflow_ack_sagemaker.core.doctor.endpoints import endpoints
    from airflow_ack_sagemaker.core.doctor.findings import examine
    from airflow_ack_sagemaker.core.doctor.installation import watched
    from airflow_ack_sagemaker.core.doctor.rights import LIFECYCLE_KINDS, PIPELINE_KINDS
    from airflow_ack_sagemaker.core.resource.manifest import runs_pipeline

    told, served = _cluster(client)
    lines += told
    if not served:
        return  # without the kinds nothing else can be asked
    lines += _namespace(client)
    lines += _permissions(client, served)
    found, told = _listed(client, served, PIPELINE_KINDS)
    lines += told
    if pipeline is not None:
        found = {kind: [one for one in ones if runs_pipeline(one, pipeline)] for kind, ones in found.items()}
    pipelines, executions = (found.get(kind.kind, []) for kind in PIPELINE_KINDS)
    resources = [*pipelines, *executions]
    # Who runs pipelines alone need not see models, endpoints and jobs.
    lifecycle, told = _listed(client, served, LIFECYCLE_KINDS if pipeline is None else (), needed=False)
    lines += told
    others = [one for ones in lifecycle.values() for one in ones]
    now = client.server_time or datetime.now(timezone.utc)
    words = {PIPELINE.kind: "pipelines", PIPELINE_EXECUTION.kind: "executions"}
    if counted := [f"{len(found[kind])} {word}" for kind, word in words.items() if kind in found]:
        lines.append(Line("resources", Level.OK, ", ".join(counted), f"namespace {client.namespace}"))
    lines += _lease(client, now)
    lines += watched([*resources, *others], client.namespace, now)
    ends = [one for one in others if one["kind"] == "Endpoint"]
    # What an endpoint says means something else: `endpoints` tells.
    lines += [_line(one) for one in examine([*resources, *(one for one in others if one not in ends)], now=now)]
    lines += endpoints(ends, now=now)
    lines += _roles(pipelines)
    if fix is not None:
        lines += _fix(client, executions, now, fix)
    if no_aws:
        return
    if PIPELINE_EXECUTION.kind in found:
        lines += _unowned(resources, executions, client.namespace, now, pipeline, aws_conn_id)
    else:
        what = "Executions in SageMaker have nothing to be compared with: those of this namespace cannot be listed"
        lines.append(Line("sagemaker", Level.UNCHECKED, what))
    lines += _definitions(pipelines, aws_conn_id)
    lines += _trust(pipelines, aws_conn_id)


def _line(finding: Finding) -> Line:
    return Line(finding.check, Level.PROBLEM, finding.what, finding.where, finding.todo, finding.fixable)


def _cluster(client: KubeClient) -> tuple[list[Line], Collection[str]]:
    """What the cluster is and serves, and the names of the kinds that it serves."""
    from airflow_ack_sagemaker.core.doctor.installation import fields_served, kinds_served, served_kinds
    from airflow_ack_sagemaker.kube.errors import ApiError, KindNotInstalled, NotFound

    version = client.document("/version").get("gitVersion")
    lines = [Line("cluster", Level.OK, f"Kubernetes {version}", f"{client.config.server}, {client.config.source}")]
    try:
        served = served_kinds(client.document(f"/apis/{API_VERSION}"))
    except (KindNotInstalled, NotFound):
        served = frozenset()
    lines.append(kinds_served(served))
    if not served:
        return lines, served
    try:
        lines.append(fields_served(client.document(f"/openapi/v3/apis/{GROUP}/{VERSION}")))
    except ApiError as error:
        lines.append(Line("fields", Level.SKIPPED, f"The API server does not tell the kinds' fields: {error}"))
    return lines, served


def _namespace(client: KubeClient) -> list[Line]:
    """Whether it is there. A mistyped one has nothing in it, and so nothing wrong."""
    from airflow_ack_sagemaker.core.doctor.installation import usable_namespace
    from airflow_ack_sagemaker.kube.errors import ApiError, NotFound

    try:
        found: Mapping[str, Any] | None = client.document(f"/api/v1/namespaces/{client.namespace}")
    except NotFound:
        found = None
    except ApiError:  # Airflow's rights end at the namespace, and need no more
        return []
    line = usable_namespace(client.namespace, found)
    return [] if line is None else [line]


def _permissions(client: KubeClient, served: Collection[str]) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.rights import LIFECYCLE_KINDS, PIPELINE_KINDS, VERBS, rights
    from airflow_ack_sagemaker.kube.errors import KubeError

    kinds = [*PIPELINE_KINDS, *(kind for kind in LIFECYCLE_KINDS if kind.kind in served)]
    try:
        allowed = {kind: [verb for verb in VERBS if client.may(verb, kind)] for kind in kinds}
    except KubeError as error:
        return [Line("rights", Level.UNCHECKED, f"The rights of this user cannot be asked: {error}")]
    return list(rights(allowed, f"namespace {client.namespace}, {client.config.source}"))


def _listed(
    client: KubeClient, served: Collection[str], kinds: Iterable[Kind], *, needed: bool = True
) -> tuple[dict[str, list[dict[str, Any]]], list[Line]]:
    """What is there of each kind that can be listed, by kind, and lines about those that cannot.

    :param needed: False: who may not list them does not need them.
    """
    from airflow_ack_sagemaker.kube.errors import ApiError, Forbidden, TooLarge

    found: dict[str, list[dict[str, Any]]] = {}
    lines: list[Line] = []
    not_allowed: list[Kind] = []
    where = f"namespace {client.namespace}"
    for kind in (one for one in kinds if one.kind in served):
        try:
            found[kind.kind] = [{**item, "kind": kind.kind} for item in client.list(kind).items]
        except (ApiError, TooLarge) as error:
            if isinstance(error, Forbidden) and not needed:
                not_allowed.append(kind)
            else:
                lines.append(Line("resources", Level.UNCHECKED, str(error), where))
    if not_allowed:
        what = f"This user may not list {', '.join(kind.plural for kind in not_allowed)}"
        lines.append(Line("resources", Level.SKIPPED, what, where))
    return found, lines


def _lease(client: KubeClient, now: datetime) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.installation import LEASE, LEASE_NAMESPACES, lease
    from airflow_ack_sagemaker.kube.errors import ApiError, NotFound

    lines = []
    for namespace in LEASE_NAMESPACES:
        try:
            return [lease(client.document(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}"), now)]
        except NotFound:
            continue  # leader election is off by default
        except ApiError as error:
            what = f"The leader's Lease cannot be read: {error}"
            lines.append(Line("lease", Level.SKIPPED, what, f"lease/{LEASE} (namespace {namespace})"))
    return lines[:1]


def _roles(pipelines: Sequence[Mapping[str, Any]]) -> list[Line]:
    from airflow_ack_sagemaker.core.doctor.roles import plausible_role

    return [line for one in pipelines if (line := plausible_role(one)) is not None]


def _fix(client: KubeClient, executions: Sequence[Mapping[str, Any]], now: datetime, dry_run: DryRun) -> list[Line]:
    """Collect what has long ended. SageMaker keeps the executions, so that nothing is lost."""
    from airflow_ack_sagemaker.cli.collecting import collected, going
    from airflow_ack_sagemaker.kube.errors import ApiError

    were = "were" if dry_run is DryRun.NONE else "would be"
    where, refused, count = f"namespace {client.namespace}", list[Line](), 0
    try:
        for _ in collected(client, going(executions, now=now, history_limit=HISTORY_LIMIT), dry_run):
            count += 1
    except ApiError as error:
        refused.append(Line("fixed", Level.UNCHECKED, str(error), where))
    return [Line("fixed", Level.OK, f"{count} finished executions {were} collected", where), *refused]


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
    lines: list[Line] = []
    asked = 0
    for region, name in sorted(wanted, key=str):
        try:
            client = aws_client("sagemaker", aws_conn_id=aws_conn_id, region=region)
            found += listed(client, name, since=now - LOOK_BACK)
        except (BotoCoreError, ClientError) as error:
            if _code(error) == "ResourceNotFound":  # applied, and not yet in SageMaker
                continue
            todo = "Give AWS credentials that allow sagemaker:ListPipelineExecutions, or --no-aws."
            lines.append(Line("sagemaker", Level.UNCHECKED, f"Executions of {name} in SageMaker: {error}", todo=todo))
            if isinstance(error, ClientError):
                continue
            break  # AWS cannot be asked at all
        asked += 1
    # One pipeline may be known with its region and without.
    found = list({one.arn: one for one in found}.values())
    counted = f"{len(found)} executions of {asked} pipelines in {LOOK_BACK.days} days"
    return [
        *([Line("sagemaker", Level.OK, counted)] if asked or not lines else []),
        *lines,
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
            lines.append(Line("s3", level, str(error), source, "deploy/iam has the policies."))
        except Exception as error:  # botocore's, before anything was sent: no credentials, no such profile
            lines.append(Line("s3", Level.UNCHECKED, f"S3 cannot be asked: {error}", source))
            break
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
