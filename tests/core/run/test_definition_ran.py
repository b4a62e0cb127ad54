"""What proves which definition an execution has run, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.freshness import generation_of, written_by_others
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_GENERATION, ANNOTATION_RAN
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.core.run.definition_ran import has_run

OURS, OTHER = "a" * 64, "b" * 64


def pipeline(
    generation: int, changed: str = "2026-11-01T03:00:00Z", uid: str = "p1", *, by: str = "x", labels: bool = False
) -> dict[str, Any]:
    owned: dict[str, Any] = {"f:spec": {}, **({"f:metadata": {}} if labels else {})}
    return {
        "kind": "Pipeline",
        "metadata": {
            "uid": uid,
            "generation": generation,
            "managedFields": [
                {"manager": "ack", "time": changed, "fieldsV1": {"f:status": {}}, "subresource": "status"},
                {"manager": "label", "time": changed, "fieldsV1": {"f:metadata": {}}},
                {"manager": by, "time": changed, "fieldsV1": owned},
            ],
        },
    }


def execution(said: str = "Executing", taken: str = "2026-11-01T03:00:05Z", **annotations: str) -> dict[str, Any]:
    return {
        "kind": "PipelineExecution",
        "metadata": {
            "name": "e",
            "annotations": {ANNOTATION_GENERATION: "p1/4", **annotations},
            "managedFields": [{"manager": "ack", "subresource": "status", "time": taken}],
        },
        "status": {"pipelineExecutionStatus": said},
    }


@pytest.mark.parametrize(
    ("execution", "pipeline", "expected"),
    [
        (execution(), pipeline(4), True),
        (execution("Succeeded"), pipeline(4), True),
        (execution(), pipeline(5, "2026-11-01T03:00:06Z"), True),  # changed after SageMaker had taken it
        # Who has written both may have changed a label then, and the spec before SageMaker had taken it.
        (execution(), pipeline(5, "2026-11-01T03:00:06Z", labels=True), False),
        (execution(), pipeline(5, "2026-11-01T03:00:06Z", labels=True, by="airflow-ack-sagemaker"), True),
        (execution(), pipeline(5, "2026-11-01T03:00:05Z"), False),  # in the same second
        (execution(), pipeline(5, "2026-11-01T03:00:04Z"), False),
        (execution("Succeeded"), pipeline(5, "2026-11-01T03:00:06Z"), False),  # its status is of the end
        (execution(), pipeline(6, "2026-11-01T03:00:06Z"), False),  # nobody knows when the first change was
        (execution(), pipeline(4, uid="p2"), False),
        (execution(), None, False),
        (execution("Succeeded", **{ANNOTATION_RAN: OURS}), pipeline(9), True),
        (execution("Succeeded", **{ANNOTATION_RAN: OURS}), None, True),
        (execution("Succeeded", **{ANNOTATION_RAN: OTHER}), pipeline(4), False),
        (execution(**{ANNOTATION_GENERATION: "p1/x"}), pipeline(5, "2026-11-01T03:00:06Z"), False),
    ],
)
def test_which_definition_has_run(execution: dict[str, Any], pipeline: dict[str, Any] | None, expected: bool) -> None:
    assert has_run(execution, pipeline, OURS, classify(execution)) is expected


def test_a_generation_is_that_of_one_very_pipeline() -> None:
    assert generation_of(pipeline(4)) != generation_of(pipeline(4, uid="p2"))


def test_who_writes_the_pipeline_is_told_by_its_managers() -> None:
    when = "2026-11-01T03:00:00Z"
    ours: dict[str, Any] = {"manager": "airflow-ack-sagemaker", "fieldsV1": {"f:spec": {}}, "time": when}
    controller = {**ours, "manager": "ack-sagemaker", "subresource": "status", "fieldsV1": {"f:status": {}}}
    labels = {**ours, "manager": "kubectl", "fieldsV1": {"f:metadata": {}}}
    mine = {"metadata": {"managedFields": [ours, controller, labels]}}
    assert not written_by_others(mine)
    assert written_by_others({"metadata": {"managedFields": [ours, {**ours, "manager": "flux"}]}})
