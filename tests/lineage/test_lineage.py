"""OpenLineage's own provider is told what an execution has read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.extractors.base import DefaultExtractor

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from harness.waiting import wait_until
from tests.operators.stage import ROLE, Stage


def definition() -> str:
    """A processing job that reads what a parameter says, writes below the execution's id, and hands on."""
    outputs = [
        {
            "OutputName": "train",
            "S3Output": {
                "S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://out", {"Get": "Execution.PipelineExecutionId"}]}}
            },
        }
    ]
    prepare = {
        "Name": "Prepare",
        "Type": "Processing",
        "Arguments": {
            "ProcessingInputs": [{"InputName": "raw", "S3Input": {"S3Uri": {"Get": "Parameters.Raw"}}}],
            "ProcessingOutputConfig": {"Outputs": outputs},
        },
    }
    handed = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}
    secret = {"Std:Join": {"On": "", "Values": ["s3://in/", {"Get": "Parameters.ApiToken"}]}}
    channels = [
        {"ChannelName": name, "DataSource": {"S3DataSource": {"S3Uri": uri}}}
        for name, uri in (("train", handed), ("more", secret))
    ]
    train = {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {"InputDataConfig": channels, "OutputDataConfig": {"S3OutputPath": "s3://models/abalone/"}},
    }
    parameters = [{"Name": "Raw", "Type": "String", "DefaultValue": "s3://raw"}, {"Name": "ApiToken", "Type": "String"}]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [prepare, train]})


@pytest.fixture
def pipeline(stage: Stage) -> str:
    name = stage.name("lineage")
    manifest = {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": name},
        "spec": {"pipelineName": name, "roleARN": ROLE, "pipelineDefinition": definition()},
    }
    stage.kubernetes("POST", "pipelines", json=manifest)
    wait_until(
        lambda: (stage.kubernetes("GET", f"pipelines/{name}").get("status") or {}).get("pipelineStatus") == "Active",
        60,
        "the pipeline",
    )
    return name


def launched(stage: Stage, pipeline: str, **changes: Any) -> AckPipelineExecutionOperator:
    """The operator at the end of its task."""
    arguments = {"parameters": {"Raw": "s3://raw/day=1", "ApiToken": "hunter2"}, "deferrable": False, **changes}
    operator = AckPipelineExecutionOperator(task_id="launch", pipeline_name=pipeline, **arguments)
    operator.execute(stage.context(pipeline, task="launch"))
    return operator


def test_the_provider_gets_what_the_definition_says(stage: Stage, pipeline: str) -> None:
    operator = launched(stage, pipeline)
    # What the provider's manager asks where nobody has registered an extractor of his own.
    asked = DefaultExtractor(operator).extract_on_complete(None)
    (resource,) = [
        item
        for item in stage.kubernetes("GET", "pipelineexecutions")["items"]
        if item["spec"]["pipelineName"] == pipeline
    ]
    identifier = resource["status"]["ackResourceMetadata"]["arn"].rpartition("/")[2]
    assert isinstance(asked, OperatorLineage)
    assert asked.inputs == [Dataset(namespace="s3://raw", name="day=1")], "what is secret or inside is no input"
    assert asked.outputs == [
        Dataset(namespace="s3://out", name=identifier),
        Dataset(namespace="s3://models", name="abalone"),
    ]


def test_what_is_left_out_is_said(stage: Stage, pipeline: str, capfd: pytest.CaptureFixture[str]) -> None:
    operator = launched(stage, pipeline)
    capfd.readouterr()
    operator.get_openlineage_facets_on_complete(None)
    (said,) = [line for line in capfd.readouterr().out.splitlines() if "Lineage leaves out" in line]
    assert "Parameters.ApiToken" in said
    assert "Steps.Prepare" in said
    assert "hunter2" not in said


def test_a_definition_that_has_changed_since_is_asked_of_sagemaker(stage: Stage, pipeline: str) -> None:
    operator = launched(stage, pipeline)
    headers = {"Content-Type": "application/merge-patch+json"}
    other = json.dumps(
        {**json.loads(definition()), "Steps": [{"Name": "A", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}]}
    )
    stage.kubernetes("PATCH", f"pipelines/{pipeline}", json={"spec": {"pipelineDefinition": other}}, headers=headers)
    found = operator.get_openlineage_facets_on_complete(None)
    assert [one.namespace for one in found.inputs] == ["s3://raw"]
    operator.aws_conn_id = None
    assert operator.get_openlineage_facets_on_complete(None) is None


def test_a_task_that_has_not_ended_well_has_none(pipeline: str) -> None:
    operator = AckPipelineExecutionOperator(task_id="launch", pipeline_name=pipeline)
    assert operator.get_openlineage_facets_on_complete(None) is None
