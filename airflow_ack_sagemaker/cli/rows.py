"""A resource in one row: what ``list``, ``get`` and every command that ends with a resource print of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.cli.output import Output, age, lasted, show_rows

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.core.resource.status import Outcome
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.sagemakers_word import SageMakersWord

LABEL_LAUNCHED_BY = "airflow-ack-sagemaker/launched-by"
COLUMNS = {"NAME": "name", "STATE": "state", "SAGEMAKER": "status", "AGE": "age", "REASON": "reason"}
MIXED_COLUMNS = {"RESOURCE": "resource", "STATE": "state", "SAGEMAKER": "status", "AGE": "age", "REASON": "reason"}
EXECUTION_COLUMNS = {
    "NAME": "name",
    "PIPELINE": "pipeline",
    "STATE": "state",
    "SAGEMAKER": "status",
    "LAUNCHED BY": "launched_by",
    "LASTED": "lasted",
    "AGE": "age",
    "REASON": "reason",
}
NAMESPACE_COLUMN = {"NAMESPACE": "namespace"}


def columns_of(kind: Kind, *, all_namespaces: bool = False) -> dict[str, str]:
    """The table's columns."""
    columns = EXECUTION_COLUMNS if kind.kind == "PipelineExecution" else COLUMNS
    return {**NAMESPACE_COLUMN, **columns} if all_namespaces else dict(columns)


def row_of(resource: Mapping[str, Any], outcome: Outcome | None = None) -> dict[str, Any]:
    """The row of a resource of any kind. Times are RFC 3339, durations seconds.

    ``age`` and ``lasted`` are for people and only in tables: `public` takes them away.

    :param outcome: how it stands; None: as it says itself.
    """
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.freshness import observe

    outcome = outcome or observe(resource)
    row: dict[str, Any] = {
        "resource": f"{outcome.kind.lower()}/{outcome.name}",
        "kind": outcome.kind,
        "name": outcome.name,
        "namespace": outcome.namespace,
        "state": outcome.state.value,
        "status": outcome.sagemaker_status,
        "reason": outcome.reason or outcome.warning,
        "remedy": outcome.remedy,
        "arn": outcome.arn,
        "region": outcome.region,
        "created": outcome.created,
        "_age": age(outcome.created),
    }
    if outcome.kind != "PipelineExecution":
        return row
    from airflow_ack_sagemaker.core.pages.executions import row_of as page_row

    page = page_row(resource, "")
    by = fields.label(resource, LABEL_LAUNCHED_BY)
    row |= {
        "pipeline": page.pipeline,
        "parameters": fields.parameters(resource),
        "attempt": page.attempt,
        "started": page.started,
        "ended": page.ended,
        "duration": page.duration,
        "dag_id": page.dag_id,
        "run_id": page.run_id,
        "task_id": page.task_id,
        "launched_by": f"{page.dag_id}.{page.task_id}" if page.dag_id else by or None,
        "_lasted": lasted(page.duration),
    }
    return row


def row_of_gone(resource: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The row of one that is no longer there: what was known of it, and that it is gone."""
    return row_of(resource) | {
        "state": outcome.state.value,
        "status": outcome.sagemaker_status,
        "reason": outcome.reason,
    }


def row_now(
    client: KubeClient,
    kind: Kind,
    name: str,
    before: Mapping[str, Any],
    outcome: Outcome,
    word: SageMakersWord | None = None,
) -> dict[str, Any]:
    """The row of a resource after it was followed; of one that is gone, what was known of it.

    :param word: asked where the resource does not tell how it stands.
    """
    from airflow_ack_sagemaker.kube.errors import NotFound

    try:
        now = {**client.get(kind, name), "kind": kind.kind}
    except NotFound:
        return row_of_gone({**before, "kind": kind.kind}, outcome)
    return row_of(now, None if word is None else word.observe(now))


def public(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what is only for tables."""
    return {key: value for key, value in row.items() if not key.startswith("_")}


def for_table(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row under the names of the columns."""
    return {key.removeprefix("_"): value for key, value in row.items()}


def show(
    rows: Sequence[dict[str, Any]], kind: Kind | None, output: Output, *, all_namespaces: bool = False, empty: str = ""
) -> None:
    """Print rows.

    :param kind: theirs, where it is one.
    :param empty: said on stderr instead of a table without rows.
    """
    if output is not Output.TABLE:
        show_rows([public(row) for row in rows], {}, output)
        return
    columns = MIXED_COLUMNS if kind is None else columns_of(kind, all_namespaces=all_namespaces)
    show_rows([for_table(row) for row in rows], columns, output, empty=empty)
