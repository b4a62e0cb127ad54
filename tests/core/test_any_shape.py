"""What the core reads from resources of any shape: a resource that somebody has spoilt must not hide the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from airflow_ack_sagemaker.core.doctor.findings import examine
from airflow_ack_sagemaker.core.pages.endpoints import config_row, endpoint_row, prune_config, prune_endpoint
from airflow_ack_sagemaker.core.pages.executions import row_of
from airflow_ack_sagemaker.core.pages.models import prune_version, version_row
from airflow_ack_sagemaker.core.pages.pipelines import definition_of, pipeline_row, prune
from airflow_ack_sagemaker.core.pages.timeline import timeline_of
from airflow_ack_sagemaker.core.resource import freshness
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.launched_by import launched_by
from airflow_ack_sagemaker.core.run.collectable import collectable
from airflow_ack_sagemaker.core.run.decision import attempt_of
from airflow_ack_sagemaker.core.run.reported import is_reported, reported_at, reported_state
from airflow_ack_sagemaker.core.run.retry_steps import selective_of
from tests.core.resource.test_fields import HOSTILE, WHOLE, replaced

NOW = datetime(2026, 12, 1, tzinfo=timezone.utc)


def _pipeline(resource: Resource) -> Resource:
    return {**resource, "kind": "Pipeline"}


READERS: dict[str, Callable[[Resource], object]] = {
    "row_of": lambda one: row_of(one, "cluster"),
    "timeline_of": timeline_of,
    "definition_of": definition_of,
    "pipeline_row": lambda one: pipeline_row(prune(_pipeline(one)), "cluster"),
    "observe": lambda one: freshness.observe(_pipeline(one)),
    "prune": freshness.prune,
    "prune a pipeline": lambda one: freshness.prune(_pipeline(one)),
    "examine": lambda one: examine([one, _pipeline(one)], now=NOW),
    "collectable": lambda one: collectable([one], now=NOW, history_limit=0, ttl=None),
    "attempt_of": attempt_of,
    "is_reported": is_reported,
    "reported_at": reported_at,
    "reported_state": reported_state,
    "version_row": lambda one: version_row(prune_version({**one, "kind": "ModelPackage"}), "cluster"),
    "endpoint_row": lambda one: endpoint_row(prune_endpoint({**one, "kind": "Endpoint"}), "cluster"),
    "config_row": lambda one: config_row(prune_config({**one, "kind": "EndpointConfig"}), "cluster"),
    "launched_by": launched_by,
    "selective_of": selective_of,
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("reader", READERS)
def test_any_shape_is_read(reader: str, hostile: str) -> None:
    for depth in range(2, 6):
        READERS[reader]({**replaced(WHOLE, HOSTILE[hostile], depth), "kind": "PipelineExecution"})
