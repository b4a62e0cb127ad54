"""What has happened before the demo: a model that is retrained without a mishap succeeds, and runs every stage."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.sandbox.aws.plan import plan_of
from airflow_ack_sagemaker.sandbox.aws.runs import Given
from airflow_ack_sagemaker.sandbox.aws.script import Script
from airflow_ack_sagemaker.sandbox.aws.timeline import course
from demo import story


@pytest.mark.parametrize("model", [story.ABALONE, story.VARIANTS, story.CHURN, story.DEMAND], ids=lambda m: m.pipeline)
def test_a_model_without_a_mishap(model: story.Model) -> None:
    for edition in range(len(model.editions)):
        plan = plan_of(parse_definition(model.text(edition), placeholders=model.placeholders).text)
        script = Script(story.Attempt(100).rules(model, speed=1))
        given = Given(
            outcomes=script.outcomes(model.pipeline, plan.steps, {}),
            step_seconds=1,
            speed=1,
            values=tuple(plan.values({}).items()),
        )
        found = course(plan, given)
        assert (found.status, found.reason) == ("Succeeded", "")
        assert {step for stage in model.stages for step in stage} <= {run.name for run in found.runs}
