"""Does SageMaker have what a Pipeline's spec asks for?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.run.described import is_as_asked

DEFINITION = {"Version": "2020-12-01", "Steps": []}
SPEC = {
    "pipelineName": "abalone",
    "roleARN": "arn:aws:iam::123456789012:role/r",
    "pipelineDefinition": json.dumps(DEFINITION),
    "pipelineDescription": "weekly",
    "parallelismConfiguration": {"maxParallelExecutionSteps": 3},
    "tags": [{"key": "team", "value": "a"}],
}
DESCRIBED = {
    "PipelineName": "abalone",
    "PipelineDisplayName": "abalone",
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "PipelineDefinition": json.dumps(DEFINITION, indent=1),
    "PipelineDescription": "weekly",
    "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3},
    "PipelineStatus": "Active",
}


@pytest.mark.parametrize(
    ("spec", "described", "same"),
    [
        ({}, {}, True),
        ({"pipelineDescription": None}, {"PipelineDescription": "from the console"}, True),
        ({"parallelismConfiguration": {}}, {"ParallelismConfiguration": None}, True),
        ({"pipelineName": "other"}, {}, False),
        ({"roleARN": "arn:aws:iam::123456789012:role/s"}, {}, False),
        ({"pipelineDescription": "daily"}, {}, False),
        ({"pipelineDisplayName": "Abalone"}, {}, False),
        ({"pipelineDefinition": json.dumps({**DEFINITION, "Parameters": []})}, {}, False),
        ({"pipelineDefinition": 7}, {}, False),
        ({}, {"PipelineDefinition": None}, False),
        ({"parallelismConfiguration": {"maxParallelExecutionSteps": 4}}, {}, False),
        ({}, {"ParallelismConfiguration": None}, False),
        ({"parallelismConfiguration": {"aLaterField": 1}}, {}, False),
        ({"parallelismConfiguration": 3}, {}, False),
        ({"aLaterField": 1}, {}, False),
        ({}, {"PipelineStatus": "Deleting"}, False),
    ],
)
def test_is_as_asked(spec: dict[str, Any], described: dict[str, Any], same: bool) -> None:
    assert is_as_asked({**SPEC, **spec}, {**DESCRIBED, **described}) is same
