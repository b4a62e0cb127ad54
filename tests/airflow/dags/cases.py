"""DAGs of one task each, whose strings come from the run's conf and whose waits come from this table."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG, Asset

from airflow_ack_sagemaker.operators.collect import AckCollectExecutionsOperator
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.resource import AckDeleteResourceOperator, AckResourceOperator
from airflow_ack_sagemaker.operators.stop import AckStopPipelineExecutionOperator
from airflow_ack_sagemaker.sensors.pipeline import AckPipelineSensor
from airflow_ack_sagemaker.sensors.pipeline_execution import AckPipelineExecutionSensor
from airflow_ack_sagemaker.sensors.resource import AckResourceSensor
from airflow_ack_sagemaker.task_groups import retraining

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
NOW = timedelta(0)
BRIEF = 30
"""Seconds. The execution has to be there when they are over, and a busy machine takes long to start a task."""


def conf(name: str, default: str = "None") -> str:
    """A template for a value of the run's conf, in its own type."""
    return f"{{{{ dag_run.conf.get('{name}', {default}) }}}}"


def dag(dag_id: str, **kwargs: Any) -> DAG:
    """A DAG that only runs when it is asked to."""
    return DAG(dag_id, schedule=None, start_date=START, render_template_as_native_obj=True, **kwargs)


PIPELINE: dict[str, Any] = {
    "pipeline_name": conf("pipeline"),
    "role_arn": ROLE,
    "definition_uri": conf("definition_uri"),
    "definition_version_id": conf("definition_version_id"),
    "definition_sha256": conf("definition_sha256"),
    "placeholders": conf("placeholders", "{}"),
    "resource_name": conf("resource_name"),
    "kubernetes_conn_id": conf("kubernetes_conn_id", "'kubernetes_default'"),
    "aws_conn_id": conf("aws_conn_id", "'aws_default'"),
    "namespace": conf("namespace"),
}
EXECUTION: dict[str, Any] = {
    "pipeline_name": conf("pipeline"),
    "parameters": conf("parameters", "{}"),
    "kubernetes_conn_id": conf("kubernetes_conn_id", "'kubernetes_default'"),
    "namespace": conf("namespace"),
}

for deferrable in (True, False):
    for wait in (True, False):
        mode = f"{'deferred' if deferrable else 'held'}_{'wait' if wait else 'leave'}"
        with dag(f"apply_{mode}"):
            AckPipelineOperator(task_id="apply", deferrable=deferrable, wait_for_completion=wait, **PIPELINE)
        with dag(f"launch_{mode}"):
            AckPipelineExecutionOperator(task_id="launch", deferrable=deferrable, wait_for_completion=wait, **EXECUTION)

for deferrable in (True, False):
    mode = "deferred" if deferrable else "held"
    with dag(f"launch_unanswered_{mode}"):
        AckPipelineExecutionOperator(task_id="launch", deferrable=deferrable, reconcile_timeout=4, **EXECUTION)
    with dag(f"launch_refused_{mode}"):
        # A busy controller may need a while for its first answer: that is waited for.
        AckPipelineExecutionOperator(
            task_id="launch", deferrable=deferrable, recoverable_timeout=timedelta(seconds=4), **EXECUTION
        )
    for policy in ("leave", "stop"):
        with dag(f"launch_brief_{mode}_{policy}"):
            AckPipelineExecutionOperator(
                task_id="launch", deferrable=deferrable, timeout=BRIEF, on_timeout=policy, **EXECUTION
            )
    with dag(f"launch_retries_{mode}"):
        AckPipelineExecutionOperator(task_id="launch", deferrable=deferrable, retries=2, retry_delay=NOW, **EXECUTION)

with dag("apply_unanswered"):
    AckPipelineOperator(task_id="apply", reconcile_timeout=4, **PIPELINE)

with dag("apply_refused"):
    AckPipelineOperator(task_id="apply", recoverable_timeout=4, **PIPELINE)

with dag("apply_patient"):
    AckPipelineOperator(task_id="apply", reconcile_timeout=120, **PIPELINE)

with dag("apply_adopt"):
    AckPipelineOperator(task_id="apply", adopt=True, **PIPELINE)

with dag("launch_outlet"):
    AckPipelineExecutionOperator(task_id="launch", outlets=[Asset("case_model")], **EXECUTION)

with dag("launch_report_duplicates"):
    AckPipelineExecutionOperator(task_id="launch", report_duplicates=True, **EXECUTION)

for deferrable in (True, False):
    with dag(f"execution_timeout_{'deferred' if deferrable else 'held'}"):
        AckPipelineExecutionOperator(
            task_id="launch",
            deferrable=deferrable,
            on_timeout="stop",
            execution_timeout=timedelta(seconds=BRIEF),
            **EXECUTION,
        )

with dag("group"):
    retraining(
        pipeline_name=conf("pipeline"),
        role_arn=ROLE,
        definition_uri=conf("definition_uri"),
        parameters=conf("parameters", "{}"),  # type: ignore[arg-type]  # rendered to a mapping
        kubernetes_conn_id=PIPELINE["kubernetes_conn_id"],
        aws_conn_id=PIPELINE["aws_conn_id"],
    )

for deferrable in (True, False):
    mode = "deferred" if deferrable else "held"
    with dag(f"stop_{mode}"):
        AckStopPipelineExecutionOperator(task_id="stop", pipeline_name=conf("pipeline"), deferrable=deferrable)
    with dag(f"delete_{mode}"):
        AckDeleteResourceOperator(
            task_id="delete", kind="Pipeline", name=conf("name"), deletion_policy=conf("policy"), deferrable=deferrable
        )
    with dag(f"resource_{mode}"):
        AckResourceOperator(
            task_id="resource",
            kind=conf("kind"),
            name=conf("name"),
            spec=conf("spec"),  # type: ignore[arg-type]  # rendered to a mapping
            deferrable=deferrable,
        )
    sensing: dict[str, Any] = {"deferrable": deferrable, "poke_interval": 1, "timeout": 1_200}
    with dag(f"sense_{mode}"):
        AckPipelineSensor(task_id="pipeline", pipeline_name=conf("pipeline"), **sensing)
        AckPipelineExecutionSensor(task_id="execution", name=conf("execution"), **sensing)
        AckResourceSensor(
            task_id="resource", kind="PipelineExecution", name=conf("execution"), soft_fail=True, **sensing
        )
    with dag(f"sense_nothing_{mode}"):
        AckPipelineExecutionSensor(
            task_id="execution", name="not-there", deferrable=deferrable, poke_interval=1, timeout=3
        )

with dag("collect"):
    AckCollectExecutionsOperator(
        task_id="collect", pipeline_name=conf("pipeline"), execution_history_limit=conf("limit", "1")
    )
