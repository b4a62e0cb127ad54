"""`EvaluationGateOperator`: whether the model that an execution has made is good enough, by its evaluation report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.base import AckOperator
from airflow_ack_sagemaker.operators.ran import definition_of, region_of, resource_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.definition.parse import Definition
    from airflow_ack_sagemaker.core.lifecycle.gate import Champion
    from airflow_ack_sagemaker.kube.client import KubeClient

XCOM_DECISION = "decision"
"""XCom of a gate: ``passed``, ``rejected`` or ``not_evaluated``."""
XCOM_METRICS = "metrics"
"""XCom of a gate: the numbers that it has read, by path."""
_MOST_SOURCES = 10
"""A result may have been reused from an execution that had reused it."""


class EvaluationGateOperator(AckOperator):
    """Read the evaluation report of an execution, and let pass what its rules say. What does not pass skips the tasks
    after it: the model that serves stays.

    The report is found in the definition that the execution has run: a processing step's PropertyFile, its output, and
    where that lies. A step that was served from the cache, or reused by a selective retry, has written it for another
    execution: SageMaker is asked for which (ListPipelineExecutionSteps, through ``aws_conn_id``). Where SageMaker may
    not be asked, only the execution's own report counts.

    The result (XCom ``return_value``) is ``{"decision", "why", "metrics", "report", "champion"}``; ``decision`` is also
    an XCom of its own, ``passed``, ``rejected`` or ``not_evaluated`` (the step that evaluates did not run).

    ```python
    from airflow_ack_sagemaker.operators.gate import EvaluationGateOperator
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    retrain = AckPipelineExecutionOperator(task_id="retrain", pipeline_name="demand")
    EvaluationGateOperator(
        task_id="gate",
        execution=retrain.output,
        rules={"metric": "regression_metrics.mse.value", "at_most": 6.0, "better": "lower"},
        endpoint_name="demand",
    )
    ```

    :param execution: result of an `AckPipelineExecutionOperator`.
    :param rules: a rule ``{"metric": "regression_metrics.mse.value", "at_most": 6.0}``, or a list of them. ``at_least``
        and ``at_most`` are limits; ``better`` ("lower" or "higher") compares with the champion, by at least ``by``.
    :param report: name of the property file, or ``Step.File``; None: the only one.
    :param report_uri: where the report lies, instead of all that.
    :param endpoint_name: the champion is what this endpoint serves; or, where it serves nothing that is known,
    :param model_package_group: the newest approved version of this group.
    :param pipeline_resource_name: name of the Pipeline resource, where it is not the pipeline's own in lower case.
    :param aws_conn_id: connection of type ``aws``, for S3 and SageMaker.

    Raises `AckInputError` where nothing can be decided: no report, no such metric, an unknown champion.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "execution",
        "rules",
        "report",
        "report_uri",
        "endpoint_name",
        "model_package_group",
        "pipeline_resource_name",
        "aws_conn_id",
    )
    ui_color = "#fffbe6"

    def __init__(
        self,
        *,
        execution: Any,
        rules: Any,
        report: str | None = None,
        report_uri: str | None = None,
        endpoint_name: str | None = None,
        model_package_group: str | None = None,
        pipeline_resource_name: str | None = None,
        aws_conn_id: str | None = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution = execution
        self.rules = rules
        self.report = report
        self.report_uri = report_uri
        self.endpoint_name = endpoint_name
        self.model_package_group = model_package_group
        self.pipeline_resource_name = pipeline_resource_name
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Read, decide."""
        from airflow_ack_sagemaker.compat import AirflowSkipException
        from airflow_ack_sagemaker.core.lifecycle.gate import GateError, compares, decide, rules_of
        from airflow_ack_sagemaker.core.lifecycle.report import ReportError
        from airflow_ack_sagemaker.exceptions import AckInputError

        try:
            rules = rules_of(self.rules)
            with self.cluster() as client:
                namespace = self.namespace or client.namespace
                uri = self._uri(client, namespace)
                if uri is None:
                    self._tell(context, "not_evaluated")
                    raise AirflowSkipException(
                        "The execution has succeeded, but the step that evaluates the model did not run in it: nothing "
                        "is registered or deployed."
                    )
                champion = self._champion(client, namespace) if compares(rules) else None
            decision = decide(self._read(uri), rules, champion)
        except (GateError, ReportError) as error:
            raise AckInputError(str(error)) from error
        for line in decision.why:
            self.log.info("%s", line)
        said = "passed" if decision.passed else "rejected"
        self._tell(context, said)
        context["ti"].xcom_push(key=XCOM_METRICS, value=dict(decision.metrics))
        result = {
            "decision": said,
            "why": list(decision.why),
            "metrics": dict(decision.metrics),
            "report": uri,
            "champion": champion.name if champion else None,
        }
        if not decision.passed:
            raise AirflowSkipException(f"The model does not pass: {'; '.join(decision.why)}. What serves stays.")
        return result

    def _tell(self, context: Context, decision: str) -> None:
        context["ti"].xcom_push(key=XCOM_DECISION, value=decision)

    def _uri(self, client: KubeClient, namespace: str) -> str | None:
        """Where the report lies; None: the step that writes it did not run."""
        from airflow_ack_sagemaker.core.lifecycle.report import (
            ReportError,
            choose,
            reports_of,
            tells_executions_apart,
            written_by,
        )
        from airflow_ack_sagemaker.operators.execution_result import execution_result

        if self.report_uri:
            return self.report_uri
        result = execution_result(self.execution)
        arn, definition = result["arn"], self._definition(client, namespace, result)
        report = choose(reports_of(definition.steps), self.report)
        parameters = self._parameters(client, namespace, result, definition)
        source, known = arn, False
        for _ in range(_MOST_SOURCES):
            steps = self._steps(source)
            if steps is None:
                break
            known, written = True, written_by(steps, report.step, source)
            if written is None:
                return None
            if written == source:
                break
            self.log.info("Step %s was reused: its report is that of %s.", report.step, written)
            source = written
        if not known and not tells_executions_apart(report, arn, parameters):
            raise ReportError(
                f"Where step {report.step} writes its report does not depend on the execution, and SageMaker may not "
                "be asked whether it ran in this one: the report may be another's. Allow "
                "sagemaker:ListPipelineExecutionSteps to aws_conn_id, or write it under the execution's id."
            )
        return report.uri(source, parameters)

    def _definition(self, client: KubeClient, namespace: str, result: Mapping[str, Any]) -> Definition:
        """The definition that the execution has run: the Pipeline's, if it is that one still, else SageMaker's word."""
        from airflow_ack_sagemaker.core.lifecycle.report import ReportError

        found = definition_of(
            client,
            result,
            namespace,
            pipeline_resource_name=self.pipeline_resource_name,
            aws_conn_id=self.aws_conn_id,
        )
        if found is not None:
            return found
        name = resource_of(result, self.pipeline_resource_name)
        raise ReportError(
            f"pipeline/{name} has another definition by now than the one that {result['arn']} ran, and SageMaker may "
            "not be asked for that: the report cannot be found. Give report_uri, or allow "
            "sagemaker:DescribePipelineDefinitionForExecution to aws_conn_id."
        )

    def _parameters(
        self, client: KubeClient, namespace: str, result: Mapping[str, Any], definition: Definition
    ) -> dict[str, Any]:
        """The values of all parameters: those of the launch over the declared ones. The resource has them unmasked."""
        from airflow_ack_sagemaker.core.resource import fields
        from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
        from airflow_ack_sagemaker.kube.errors import NotFound

        declared = {item.name: item.default for item in definition.parameters if item.has_default}
        try:
            given: Mapping[str, Any] = fields.parameters(
                client.get(PIPELINE_EXECUTION, str(result["name"]), str(result.get("namespace") or namespace))
            )
        except NotFound:  # it was collected
            given = result.get("parameters") or {}
        return {**declared, **given}

    def _steps(self, arn: str) -> list[dict[str, Any]] | None:
        """The execution's steps; None where SageMaker may not be asked."""
        from airflow_ack_sagemaker.aws.steps import steps_of

        if self.aws_conn_id is None:
            return None
        try:
            return steps_of(arn, aws_conn_id=self.aws_conn_id, region=region_of(arn))
        except Exception as error:  # whatever a connection or SageMaker says
            self.log.warning("SageMaker cannot be asked for the steps of %s: %s", arn, error)
            return None

    def _read(self, uri: str) -> Any:
        from airflow_ack_sagemaker.aws.errors import SourceError
        from airflow_ack_sagemaker.aws.s3 import S3Source, fetch_definition
        from airflow_ack_sagemaker.core.lifecycle.report import ReportError
        from airflow_ack_sagemaker.exceptions import AckClusterError

        try:
            content = fetch_definition(S3Source.parse(uri), aws_conn_id=self.aws_conn_id).content
        except SourceError as error:
            if error.retryable:
                raise AckClusterError(str(error)) from error
            raise ReportError(f"The evaluation report cannot be read. {error}") from error
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ReportError(f"The evaluation report {uri} is no JSON: {error}") from error

    def _champion(self, client: KubeClient, namespace: str) -> Champion | None:
        """What a new model is compared with: what serves, else what is approved."""
        from airflow_ack_sagemaker.core.lifecycle.gate import Champion
        from airflow_ack_sagemaker.runs.registry import newest_approved_in
        from airflow_ack_sagemaker.runs.rollout import serving

        if self.endpoint_name:
            found = serving(client, self.endpoint_name, namespace)
            if found is not None:
                return Champion(found.model or found.config, found.metrics)
        if self.model_package_group:
            version = newest_approved_in(client, self.model_package_group, namespace)
            if version is not None:
                return Champion(version.name, version.metrics)
        return None
