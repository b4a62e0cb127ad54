"""The gate reads the report that this execution has, wherever that was written, and lets nothing pass by mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.compat import AirflowSkipException
from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.exceptions import AckInputError
from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator
from airflow_ack_sagemaker.operators.gate import EvaluationGateOperator
from harness.waiting import HUNG, wait_until
from tests.operators.stage import MODEL, ROLE, Stage

BUCKET = "gate-reports"
MSE = "regression_metrics.mse.value"
ENDED = ("Succeeded", "Failed", "Stopped")


class Pipeline:
    """A pipeline that only one test uses: training, evaluation with a report, one more step."""

    def __init__(self, stage: Stage, *, shared: bool = False, evaluates: bool = True) -> None:
        self.stage, self.name = stage, stage.name("gate")
        self.sagemaker, self.s3 = stage.sandbox.aws_client("sagemaker"), stage.sandbox.aws_client("s3")
        identifier = "latest" if shared else {"Get": "Execution.PipelineExecutionId"}
        place = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}", self.name, identifier]}}
        evaluate = {
            "Name": "Evaluate",
            "Type": "Processing",
            "Arguments": {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": place}}]}},
            "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "evaluation.json"}],
        }
        condition = {
            "Name": "If",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1 if evaluates else 2}],
                "IfSteps": [evaluate],
                "ElseSteps": [],
            },
        }
        last = {"Name": "Last", "Type": "Training", "Arguments": {}}
        steps = [{"Name": "Train", "Type": "Training", "Arguments": {}}, condition, last]
        text = json.dumps({"Version": "2020-12-01", "Steps": steps})
        self.sha256 = parse_definition(text).sha256
        manifest = {
            "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": self.name},
            "spec": {"pipelineName": self.name, "roleARN": ROLE, "pipelineDefinition": text},
        }
        stage.kubernetes("POST", "pipelines", json=manifest)
        wait_until(self._is_active, HUNG, "the pipeline")

    def _is_active(self) -> bool:
        found = self.stage.kubernetes("GET", f"pipelines/{self.name}").get("status") or {}
        return bool(found.get("pipelineStatus") == "Active")

    def run(self, **arguments: Any) -> str:
        """An execution, to its end: its ARN."""
        arn: str = self.sagemaker.start_pipeline_execution(PipelineName=self.name, **arguments)["PipelineExecutionArn"]
        wait_until(
            lambda: (
                self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] in ENDED
            ),
            HUNG,
            "the execution",
        )
        return arn

    def report(self, arn: str, body: Any) -> None:
        """What the evaluation of an execution says."""
        content = body if isinstance(body, bytes) else json.dumps({"regression_metrics": {"mse": {"value": body}}})
        key = f"{self.name}/{arn.rpartition('/')[2]}/evaluation.json"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def judge(self, arn: str, rule: dict[str, Any] | None = None, **arguments: Any) -> tuple[dict[str, Any], Any]:
        """The gate's result (empty where it skips), and the decision that it tells."""
        execution = {
            "arn": arn,
            "name": "collected",
            "namespace": self.stage.sandbox.namespace,
            "pipeline_name": self.name,
            "parameters": {},
            "definition_sha256": self.sha256,
        }
        context = self.stage.context(self.name, task="gate")
        gate = EvaluationGateOperator(
            task_id="gate", execution=execution, rules=rule or {"metric": MSE, "at_most": 6.0}, **arguments
        )
        try:
            result = gate.execute(context)
        except AirflowSkipException:
            result = {}
        return result, context["ti"].xcoms.get("decision")


@pytest.fixture
def bucket(stage: Stage) -> None:
    s3 = stage.sandbox.aws_client("s3")
    if BUCKET not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET)


@pytest.mark.usefixtures("bucket")
def test_the_report_is_the_one_of_the_execution_whose_result_it_is(stage: Stage) -> None:
    pipeline = Pipeline(stage)
    first = pipeline.run()
    pipeline.report(first, 4.5)
    result, decision = pipeline.judge(first)
    assert (decision, result["metrics"]) == ("passed", {MSE: 4.5})
    assert result["report"] == f"s3://{BUCKET}/{pipeline.name}/{first.rpartition('/')[2]}/evaluation.json"

    # A selective execution that takes over the evaluation has no report of its own.
    selected = {"SelectedSteps": [{"StepName": "Last"}], "SourcePipelineExecutionArn": first}
    again = pipeline.run(SelectiveExecutionConfig=selected)
    assert pipeline.judge(again)[0].get("report") in (result["report"], None)

    worse = pipeline.run()
    pipeline.report(worse, 6.5)
    assert pipeline.judge(worse) == ({}, "rejected")


@pytest.mark.usefixtures("bucket")
def test_an_evaluation_that_did_not_run_lets_nothing_pass(stage: Stage) -> None:
    pipeline = Pipeline(stage, evaluates=False)
    assert pipeline.judge(pipeline.run()) == ({}, "not_evaluated")


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("body", "says"),
    [(None, "cannot be read"), (b"not JSON", "no JSON"), (b"{}", "has no"), (b'{"regression_metrics": 1}', "has no")],
)
def test_a_report_that_says_nothing_is_an_error(stage: Stage, body: bytes | None, says: str) -> None:
    pipeline = Pipeline(stage)
    arn = pipeline.run()
    if body is not None:
        pipeline.report(arn, body)
    with pytest.raises(AckInputError, match=says):
        pipeline.judge(arn)


@pytest.mark.usefixtures("bucket")
def test_a_place_that_all_executions_share_needs_sagemakers_word(stage: Stage) -> None:
    pipeline = Pipeline(stage, shared=True)
    arn = pipeline.run()
    body = json.dumps({"regression_metrics": {"mse": {"value": 4.5}}})
    pipeline.s3.put_object(Bucket=BUCKET, Key=f"{pipeline.name}/latest/evaluation.json", Body=body)
    assert pipeline.judge(arn)[1] == "passed"
    stage.script("ListPipelineExecutionSteps#1=AccessDeniedException:no right")
    with pytest.raises(AckInputError, match="may be another's"):
        pipeline.judge(arn)


@pytest.mark.usefixtures("bucket")
def test_the_champion_is_what_serves(stage: Stage) -> None:
    pipeline = Pipeline(stage)
    arn = pipeline.run()
    pipeline.report(arn, 4.5)
    rule, endpoint = {"metric": MSE, "better": "lower"}, stage.name()
    assert pipeline.judge(arn, rule, endpoint_name=endpoint)[1] == "passed", "nothing serves yet"
    for artifact, mse, decision in (("a", 5.0, "passed"), ("b", 4.0, "rejected")):
        AckEndpointOperator(
            task_id="deploy",
            endpoint_name=endpoint,
            model={"primaryContainer": {**MODEL["primaryContainer"], "modelDataURL": f"s3://b/{artifact}.tar.gz"}},
            execution_role_arn=ROLE,
            instance_type="ml.m5.large",
            metrics={MSE: mse},
            deferrable=False,
        ).execute(stage.context(f"{endpoint} {artifact}"))
        assert pipeline.judge(arn, rule, endpoint_name=endpoint)[1] == decision
    with pytest.raises(AckInputError, match="champion"):
        pipeline.judge(arn, {"metric": "auc", "better": "lower"}, report_uri=_auc(pipeline), endpoint_name=endpoint)


def _auc(pipeline: Pipeline) -> str:
    pipeline.s3.put_object(Bucket=BUCKET, Key=f"{pipeline.name}/auc.json", Body=b'{"auc": 0.9}')
    return f"s3://{BUCKET}/{pipeline.name}/auc.json"
