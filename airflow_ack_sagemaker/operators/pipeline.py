"""`AckPipelineOperator`: a definition in S3 becomes an ACK ``Pipeline``, synced with SageMaker."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.identity import LABEL_DAG, label_value
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict, verdict_of
from airflow_ack_sagemaker.links import SageMakerPipelineLink
from airflow_ack_sagemaker.operators.base import AckOperator, raise_unless_succeeded
from airflow_ack_sagemaker.operators.outlets import tell_outlets
from airflow_ack_sagemaker.operators.sagemakers_word import sagemakers_word

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec


class AckPipelineOperator(AckOperator):
    """Make a SageMaker pipeline out of the definition in S3, through an ACK ``Pipeline`` resource.

    It ends when the controller has answered *this* definition, so that an execution that is launched next runs it.
    Where definition and settings are what the cluster has already, nothing is written but the version that it was read
    from. On deletion of the resource the pipeline stays in SageMaker.

    The result (XCom ``return_value``) is ``{"name", "namespace", "pipeline_name", "arn", "status", "changed",
    "definition_sha256", "definition_source", "definition_version_id"}``; ``changed`` tells whether this run wrote to
    the cluster. It is also the ``extra`` of the events of the task's outlet assets.

    ```python
    from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator

    AckPipelineOperator(
        task_id="pipeline",
        pipeline_name="demand",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/pipelines/demand.json",
        placeholders={"BUCKET": "ml-models"},
    )
    ```

    :param pipeline_name: name in SageMaker: 1 to 256 letters, digits and hyphens.
    :param role_arn: IAM role that the pipeline runs as.
    :param definition_uri: ``s3://bucket/key`` of the definition, or the key alone together with ``definition_bucket``.
    :param definition_bucket: see ``definition_uri``.
    :param definition_version_id: version of the object; None: the newest. What was read is in the result and in
        annotations.
    :param definition_sha256: SHA-256 (hexadecimal) that the object's bytes must have.
    :param placeholders: values for ``<<NAME>>`` and ``<NAME>`` in the definition's strings.
    :param description: description in SageMaker.
    :param display_name: display name in SageMaker.
    :param max_parallel_steps: default limit of steps that run at once.
    :param tags: tags in SageMaker.
    :param resource_name: name of the Kubernetes resource; None: the pipeline's name in lower case.
    :param region: AWS region; None: the controller's.
    :param adopt: take over a pipeline that SageMaker has already, and update it to this definition.
    :param deletion_policy: ``retain`` or ``delete``: what becomes of SageMaker's pipeline when the resource is deleted.
    :param aws_conn_id: connection to read S3 with (None: boto3's own credentials), and to ask SageMaker whether it has
        the pipeline where the resource does not tell (None, or no permission: not asked).

    Raises `AckInputError` for what cannot work (nothing is created then), `AckResourceRefused`, `AckNotReconciled`,
    `AckStuckRecoverable`, `AckTimeout` and `AckClusterError` (see `airflow_ack_sagemaker.exceptions`). See
    `AckOperator` for the waits.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "pipeline_name",
        "role_arn",
        "definition_uri",
        "definition_bucket",
        "definition_version_id",
        "definition_sha256",
        "placeholders",
        "description",
        "display_name",
        "tags",
        "resource_name",
        "region",
        "aws_conn_id",
    )
    template_fields_renderers = {"placeholders": "json", "tags": "json"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (SageMakerPipelineLink(),)
    ui_color = "#f0f4ff"

    def __init__(
        self,
        *,
        pipeline_name: str,
        role_arn: str,
        definition_uri: str,
        definition_bucket: str | None = None,
        definition_version_id: str | None = None,
        definition_sha256: str | None = None,
        placeholders: Mapping[str, Any] | None = None,
        description: str | None = None,
        display_name: str | None = None,
        max_parallel_steps: int | None = None,
        tags: Mapping[str, str] | None = None,
        resource_name: str | None = None,
        region: str | None = None,
        adopt: bool = False,
        deletion_policy: str = "retain",
        aws_conn_id: str | None = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline_name = pipeline_name
        self.role_arn = role_arn
        self.definition_uri = definition_uri
        self.definition_bucket = definition_bucket
        self.definition_version_id = definition_version_id
        self.definition_sha256 = definition_sha256
        self.placeholders = placeholders
        self.description = description
        self.display_name = display_name
        self.max_parallel_steps = max_parallel_steps
        self.tags = tags
        self.resource_name = resource_name
        self.region = region
        self.adopt = adopt
        self.deletion_policy = deletion_policy
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Read, check, apply, wait."""
        from airflow_ack_sagemaker.runs.apply import apply_resource, wait_shortly

        spec = replace(self.spec(), labels={LABEL_DAG: label_value(context["ti"].dag_id)})
        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            observed = sagemakers_word(self.aws_conn_id, self.log).observe
            applied = apply_resource(client, PIPELINE, spec.manifest(namespace), log=self.log, observed=observed)
            facts = {
                "pipeline_name": spec.pipeline_name,
                "changed": applied.changed,
                "definition_sha256": spec.definition_sha256,
                "definition_source": spec.definition_source,
                "definition_version_id": spec.definition_version_id,
            }
            outcome, deadlines = applied.outcome, self.deadlines()
            verdict = verdict_of(outcome, deadlines, time.time())
            if verdict is None and not self.wait_for_completion:
                return self._result(context, outcome, facts)
            if verdict is None and self.deferrable:
                outcome, verdict = wait_shortly(
                    client,
                    PIPELINE,
                    outcome,
                    deadlines=deadlines,
                    goal=Goal.FINISHED,
                    poll_interval=self.poll_interval,
                    on_change=self.log_outcome,
                )
                if verdict is None:
                    self.defer_until(client, outcome, deadlines=deadlines, ours=True, echo=facts)
            if verdict is None:
                outcome, verdict = self.follow(
                    client, PIPELINE, spec.name, namespace=namespace, uid=outcome.uid, deadlines=deadlines
                )
            return self._finish(context, outcome, verdict, facts)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone."""
        outcome, verdict, facts = self.resumed(event)
        self.log_outcome(outcome)
        return self._finish(context, outcome, verdict, facts)

    def _finish(self, context: Context, outcome: Outcome, verdict: Verdict, facts: Mapping[str, Any]) -> dict[str, Any]:
        from airflow_ack_sagemaker.runs.pipeline import asked_at_last

        if verdict is Verdict.NOT_RECONCILED:
            observed = sagemakers_word(self.aws_conn_id, self.log).observe
            with self.cluster() as client:
                outcome = asked_at_last(client, outcome, observed=observed, log=self.log)
            verdict = Verdict.REACHED if outcome.state is State.SUCCEEDED else verdict
        self.push_link(context, outcome.arn)
        raise_unless_succeeded(outcome, verdict)
        return self._result(context, outcome, facts)

    def _result(self, context: Context, outcome: Outcome, facts: Mapping[str, Any]) -> dict[str, Any]:
        result = {
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **facts,
        }
        tell_outlets(self, context, result)
        return result

    def spec(self) -> PipelineSpec:
        """The definition read and checked, as a spec. All checks that need no cluster: bad input creates nothing.

        :raises AckInputError: the input cannot work.
        :raises AckClusterError: S3 cannot be asked now.
        """
        from airflow_ack_sagemaker.aws.errors import SourceError
        from airflow_ack_sagemaker.aws.s3 import S3Source, fetch_definition
        from airflow_ack_sagemaker.core.definition.parse import DefinitionError, parse_definition
        from airflow_ack_sagemaker.core.resource.manifest import (
            PipelineSpec,
            SpecError,
            check_mapping,
            check_pipeline_name,
            check_role_arn,
            check_sha256,
        )
        from airflow_ack_sagemaker.exceptions import AckClusterError, AckInputError

        try:
            check_pipeline_name(self.pipeline_name)
            check_role_arn(self.role_arn)
            digest = check_sha256(self.definition_sha256)
            placeholders = check_mapping("placeholders", self.placeholders)
            tags = check_mapping("tags", self.tags)
            source = S3Source.parse(
                self.definition_uri, bucket=self.definition_bucket, version_id=self.definition_version_id
            )
            fetched = fetch_definition(source, aws_conn_id=self.aws_conn_id, expected_sha256=digest)
            definition = parse_definition(fetched.content, placeholders=placeholders, source=str(fetched.source))
            for warning in definition.warnings:
                self.log.warning("%s: %s", source, warning)
            spec = PipelineSpec(
                pipeline_name=self.pipeline_name,
                role_arn=self.role_arn,
                definition=definition.text,
                description=self.description,
                display_name=self.display_name,
                max_parallel_steps=self.max_parallel_steps,
                tags=tags,
                resource_name=self.resource_name,
                region=self.region,
                deletion_policy=self.deletion_policy,
                adopt=self.adopt,
                definition_sha256=definition.sha256,
                definition_source=source.uri,
                definition_version_id=fetched.version_id,
            )
            spec.manifest(self.namespace or "default")
        except SourceError as error:
            raise (AckClusterError if error.retryable else AckInputError)(str(error)) from error
        except (DefinitionError, SpecError) as error:
            raise AckInputError(str(error)) from error
        self.log.info(
            "Read %s (version %s): %d steps, canonical sha256 %s",
            source,
            fetched.version_id,
            len(definition.steps),
            definition.sha256,
        )
        return spec
