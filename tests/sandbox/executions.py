"""Pipelines that run on the sandbox's AWS endpoint, whose time the test moves."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.sandbox import ManualClock
from tests.sandbox.definitions import ROLE
from tests.sandbox.shapes import Checked


class Executions:
    """Pipelines that run on the endpoint."""

    def __init__(self, api: Checked, clock: ManualClock) -> None:
        self.api = api
        self.clock = clock
        self.count = 0

    def pipeline(self, text: str) -> str:
        self.count += 1
        name = f"pipeline-{self.count}"
        self.api.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
        return name

    def start(self, text: str, **parameters: str) -> str:
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        name = self.pipeline(text)
        return str(
            self.api.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]
        )

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        listed = self.api.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending", MaxResults=100)
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}

    def status(self, arn: str) -> str:
        return str(self.api.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])

    def ended(self, text: str, **parameters: str) -> tuple[str, dict[str, dict[str, Any]]]:
        """Run a definition to its end: the execution's status, and its steps."""
        arn = self.start(text, **parameters)
        self.clock.advance(1000)
        return self.status(arn), self.steps(arn)
