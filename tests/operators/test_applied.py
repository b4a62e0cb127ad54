"""Which definition a launching task must run: what its run's upstream tasks have applied, as their results say."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.operators.applied import own_definition
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.runs.definition import OwnDefinition

ROLE = "arn:aws:iam::123456789012:role/pipelines"


def asked(
    wanted: str, applied: dict[str, str] | None, *, named: str = "{{ pipeline }}", told: bool = True, **launching: Any
) -> OwnDefinition | None:
    """What a task that launches ``wanted`` must run, where the task before it has returned ``applied``."""
    result = applied and {"name": applied["pipeline_name"], "namespace": "ml", "definition_sha256": "d" * 64, **applied}
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
        launch = AckPipelineExecutionOperator(task_id="launch", pipeline_name=wanted, **launching)
        apply = AckPipelineOperator(
            task_id="apply", pipeline_name=named, role_arn=ROLE, definition_uri="s3://b/k", do_xcom_push=told
        )
        apply >> launch
    ti = SimpleNamespace(map_index=-1, xcom_pull=lambda task_ids, map_indexes=None: result)
    context: Any = {"ti": ti, "pipeline": wanted}
    return own_definition(launch, wanted, context, "ml", ran=lambda outcome: None)


def test_it_is_the_one_that_was_applied_to_the_pipeline() -> None:
    own = asked("production", {"pipeline_name": "production"})
    assert own is not None
    assert own.fixed.sha256 == "d" * 64


def test_a_pipeline_that_nobody_upstream_names_has_whichever_definition() -> None:
    assert asked("another", {"pipeline_name": "production"}, named="production") is None
    assert asked("production", None) is None


@pytest.mark.parametrize("applied", [{"pipeline_name": "staging"}, {"pipeline_name": "production", "namespace": "old"}])
def test_a_name_that_was_edited_between_the_two_tasks_launches_no_other_definition(applied: dict[str, str]) -> None:
    """It would succeed with whatever that pipeline has."""
    with pytest.raises(SpecError, match=r"apply has applied .* now asks for 'production' .*Nothing was launched"):
        asked("production", applied)


def test_a_task_that_does_not_tell_what_it_has_applied_launches_no_other_runs_definition() -> None:
    with pytest.raises(SpecError, match=r"apply has do_xcom_push=False.*Nothing was launched"):
        asked("production", None, told=False)
    assert asked("another", None, named="production", told=False) is None
    assert asked("production", None, told=False, kubernetes_conn_id="elsewhere") is None


def test_another_cluster_has_pipelines_of_its_own() -> None:
    assert asked("production", {"pipeline_name": "staging"}, kubernetes_conn_id="elsewhere") is None
