"""The definition that an `AckPipelineOperator` of the same DAG run has applied, for the tasks that launch after it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec
    from airflow_ack_sagemaker.core.resource.status import Outcome
    from airflow_ack_sagemaker.runs.definition import OwnDefinition


def own_definition(
    launching: BaseOperator,
    pipeline_name: str,
    context: Context,
    namespace: str,
    *,
    ran: Callable[[Outcome], str | None],
) -> OwnDefinition | None:
    """The definition that this DAG run has applied to the pipeline before this task.

    None: no `AckPipelineOperator` upstream of the task has applied one in this run, so that the task launches whichever
    definition there is. Of several, the last one counts. It is known by its XCom.

    :param launching: the task that launches.
    :param pipeline_name: name or ARN of the pipeline that it launches.
    :param ran: asks SageMaker for the digest of the definition that an execution has run.
    :raises SpecError: upstream tasks have applied several definitions, and none of them is the last; or one has applied
        it elsewhere than it would now, or does not tell.
    """
    from airflow_ack_sagemaker.core.resource.manifest import SpecError, pipeline_name_of
    from airflow_ack_sagemaker.core.run.definition_ran import FixedDefinition
    from airflow_ack_sagemaker.runs.definition import OwnDefinition

    wanted = pipeline_name_of(pipeline_name)
    upstream = {task.task_id: task for task in launching.get_flat_relatives(upstream=True) if _is_pipeline(task)}
    found: dict[str, Mapping[str, Any]] = {}
    for task_id, task in upstream.items():
        if not _same_cluster(launching, task, context):
            continue
        for result in _results(context, task_id):
            fits = result.get("pipeline_name") == wanted and result.get("namespace") == namespace
            if not fits or not result.get("definition_sha256"):
                continue
            if found.setdefault(task_id, result)["definition_sha256"] != result["definition_sha256"]:
                raise SpecError(
                    f"The instances of the mapped task {task_id} have applied different definitions of pipeline "
                    f"{wanted} in this run: give each a pipeline of its own."
                )
    last = [
        task_id
        for task_id in found
        if not any(other in upstream[task_id].get_flat_relative_ids(upstream=False) for other in found)
    ]
    if not last:
        for task_id, task in upstream.items():
            _check_not_elsewhere(launching, task_id, task, context, wanted, namespace)
        return None
    digests = {str(found[task_id]["definition_sha256"]) for task_id in last}
    if len(digests) > 1:
        raise SpecError(
            f"The tasks {', '.join(sorted(last))} have applied different definitions of pipeline {wanted} in this run, "
            "and none comes after the others. Let one follow the other."
        )
    task_id, result = last[0], found[last[0]]
    fixed = FixedDefinition(digests.pop(), str(result["name"]))
    return OwnDefinition(fixed, again=lambda: _again(upstream[task_id], context, result), ran=ran)


def _check_not_elsewhere(
    launching: BaseOperator, task_id: str, task: Any, context: Context, wanted: str, namespace: str
) -> None:
    """Refuse to launch whichever definition there is, where a task that is to apply this run's has applied it to
    another pipeline: what names the pipeline (the file, a Variable, a connection) was edited between the two tasks; or
    where it does not tell what it has applied.

    :raises SpecError: saying what was applied where.
    """
    from airflow_ack_sagemaker.core.resource.manifest import SpecError, pipeline_name_of

    if not isinstance(task, AckPipelineOperator):
        return  # each instance of a mapped task has a name of its own
    applied = [(result.get("pipeline_name"), result.get("namespace")) for result in _results(context, task_id)]
    if not applied and task.do_xcom_push:
        return
    named, within, conn_id = (
        launching.render_template(value, context)
        for value in (task.pipeline_name, task.namespace, task.kubernetes_conn_id)
    )
    meant = pipeline_name_of(str(named)) == wanted and within in (None, namespace)
    if meant and conn_id == getattr(launching, "kubernetes_conn_id", conn_id):
        if not applied:
            raise SpecError(
                f"{task_id} has do_xcom_push=False, so that nothing tells which definition of pipeline {wanted!r} this "
                "run has applied; another run's may stand there by now. Nothing was launched. Let "
                f"{task_id} push its result (do_xcom_push=True)."
            )
        was, where = applied[0]
        raise SpecError(
            f"{task_id} has applied this run's definition to pipeline {was!r} (namespace {where}); the task now asks "
            f"for {wanted!r} (namespace {namespace}), which may have any definition. Nothing was launched. Clear "
            f"{task_id} and this task, so that both are of one pipeline."
        )


def _is_pipeline(task: Any) -> bool:
    kind = getattr(task, "operator_class", type(task))  # of a mapped operator, the class that it will be
    return isinstance(kind, type) and issubclass(kind, AckPipelineOperator)


def _results(context: Context, task_id: str) -> list[Mapping[str, Any]]:
    """What a task has returned in this run; of a mapped one, that of this task's own index if there is one."""
    ti = context["ti"]
    if (ti.map_index or 0) >= 0:
        own = ti.xcom_pull(task_ids=task_id, map_indexes=ti.map_index)
        if isinstance(own, Mapping):
            return [own]
    # Without map_indexes: all of them, and of one value the value itself.
    pulled = ti.xcom_pull(task_ids=task_id)
    values = [pulled] if isinstance(pulled, Mapping) else list(pulled or ())
    return [value for value in values if isinstance(value, Mapping)]


def _same_cluster(launching: BaseOperator, task: Any, context: Context) -> bool:
    """Whether an upstream task works on the connection of the launching one: another cluster's pipeline is another."""
    given = getattr(task, "partial_kwargs", {}).get("kubernetes_conn_id") or getattr(task, "kubernetes_conn_id", None)
    conn_id = DEFAULT_CONN_ID if given is None else launching.render_template(given, context)
    return bool(conn_id == getattr(launching, "kubernetes_conn_id", conn_id))


def _again(task: Any, context: Context, result: Mapping[str, Any]) -> PipelineSpec:
    """The spec that the task has applied, read once more; what was read then is compared with what is read now.

    :raises SpecError: it cannot be had any more.
    """
    from airflow_ack_sagemaker.core.resource.identity import LABEL_DAG, label_value
    from airflow_ack_sagemaker.core.resource.manifest import SpecError

    name = result["pipeline_name"]
    remedy = f"Clear the task {task.task_id}, which applies the definition once more."
    if not isinstance(task, AckPipelineOperator):
        raise SpecError(
            f"Pipeline {name} has another definition than the one that {task.task_id} applied in this run, and a "
            f"mapped task's definition is not applied again from here. Nothing was launched. {remedy}"
        )
    again = copy.copy(task)
    again.render_template_fields(context)
    if result.get("definition_version_id") not in (None, "null"):
        again.definition_version_id = result["definition_version_id"]
    spec = replace(again.spec(), labels={LABEL_DAG: label_value(context["ti"].dag_id)})
    if spec.definition_sha256 != result["definition_sha256"]:
        raise SpecError(
            f"Pipeline {name} has another definition than the one that {task.task_id} applied in this run "
            f"({str(result['definition_sha256'])[:12]}), and that one cannot be had any more: S3 and the placeholders "
            f"now give {str(spec.definition_sha256)[:12]}. Nothing was launched. {remedy}"
        )
    return spec
