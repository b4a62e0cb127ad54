"""`retraining`: a model's life as one group of tasks, from its pipeline's definition to what serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

if TYPE_CHECKING:
    from airflow.sdk import TaskGroup

APPROVAL_TIME = timedelta(days=1)
"""How long a person may take to answer; then the answer is no."""


def retraining(
    *,
    pipeline_name: str,
    role_arn: str,
    definition_uri: str,
    placeholders: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    gate: Any = None,
    report: str | None = None,
    report_uri: str | None = None,
    register: bool | Mapping[str, Any] = False,
    model_package_group: str | None = None,
    approval: str | None = None,
    approvers: Sequence[Mapping[str, str]] | None = None,
    approval_timeout: timedelta = APPROVAL_TIME,
    endpoint: Mapping[str, Any] | None = None,
    smoke_test: Mapping[str, Any] | None = None,
    collect: Mapping[str, Any] | None = None,
    group_id: str = "retraining",
    pipeline_args: Mapping[str, Any] | None = None,
    execution_args: Mapping[str, Any] | None = None,
    approve_args: Mapping[str, Any] | None = None,
    **common: Any,
) -> TaskGroup:
    """A group of tasks: make the pipeline what the definition says, run it once, and, where that is asked for, judge
    its model, register and approve it, serve it, and try what serves.

    The tasks are ``pipeline``, ``execution``, ``gate``, ``register``, ``ask``, ``approve``, ``deploy``, ``smoke_test``
    and ``collect``; those after the second are there only where their argument is given. A model that does not pass, an
    execution that has registered none, or a rejection skips what comes after: what serves stays.

    ```python
    from airflow_ack_sagemaker.task_groups import retraining

    retraining(
        pipeline_name="demand",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/pipelines/demand.json",
        gate={"metric": "regression_metrics.mse.value", "at_most": 6.0},
        register=True,
    )
    ```

    :param pipeline_name: name of the pipeline in SageMaker.
    :param role_arn: see `AckPipelineOperator`.
    :param definition_uri: see `AckPipelineOperator`.
    :param placeholders: see `AckPipelineOperator`.
    :param parameters: see `AckPipelineExecutionOperator`.
    :param gate: rules for the metrics of the pipeline's evaluation report: ``rules`` of `EvaluationGateOperator`. The
        champion is what ``endpoint`` serves, else the newest approved version of ``model_package_group``.
    :param report: see `EvaluationGateOperator`.
    :param report_uri: see `EvaluationGateOperator`.
    :param register: True: adopt the version that the pipeline has registered. A mapping: register it here;
        ``model_package`` of `RegisterModelOperator`.
    :param model_package_group: group of the version.
    :param approval: ``rule``: what has come so far is approved. ``human``: a person decides, in Airflow's UI. None:
        ``rule`` where there is a gate, else ``human``; without ``register`` there is nothing to approve.
    :param approvers: who may answer, ``{"id", "name"}`` each; None: everybody who may answer the DAG's questions.
    :param approval_timeout: after this time (timedelta) without an answer it is rejected.
    :param endpoint: arguments of `AckEndpointOperator`: ``endpoint_name``, ``execution_role_arn``, ``instance_type``,
        ...; the approved version is its model. Without ``register`` it must say the model itself.
    :param smoke_test: arguments of `SmokeTestOperator`: ``payload``, ``content_type``, ``contains``, ...
    :param collect: arguments of `AckCollectExecutionsOperator`, which then runs in any case.
    :param group_id: of the group: a part of its tasks' ids.
    :param pipeline_args: further arguments of `AckPipelineOperator` alone.
    :param execution_args: further arguments of `AckPipelineExecutionOperator` alone, for example ``outlets`` or
        ``timeout``.
    :param approve_args: further arguments of `ApproveModelOperator` alone, for example ``outlets``: an approved version
        as an asset's event.
    :param common: further arguments of all tasks here, for example ``namespace``, ``region``, ``aws_conn_id`` or
        ``retries``. Those that only the first two know go to them alone.
    :raises ValueError: parts that need each other are not given together.
    """
    from airflow.sdk import TaskGroup, XComArg

    _check(register=register, approval=approval, endpoint=endpoint, smoke_test=smoke_test)
    shared = {key: value for key, value in common.items() if key in _OF_ALL_TASKS}
    with TaskGroup(group_id) as group:
        pipeline = AckPipelineOperator(
            task_id="pipeline",
            pipeline_name=pipeline_name,
            role_arn=role_arn,
            definition_uri=definition_uri,
            placeholders=placeholders,
            **{**common, **(pipeline_args or {})},
        )
        execution = AckPipelineExecutionOperator(
            task_id="execution",
            pipeline_name=pipeline_name,
            parameters=parameters,
            **{**common, **(execution_args or {})},
        )
        pipeline >> execution
        last: Any = execution
        metrics: Any = None
        version = deployed = judged = None
        region = {key: common[key] for key in ("region",) if key in common}
        with_aws = {**shared, **{key: common[key] for key in ("aws_conn_id",) if key in common}}
        if gate is not None:
            from airflow_ack_sagemaker.operators.gate import XCOM_METRICS, EvaluationGateOperator

            judged = EvaluationGateOperator(
                task_id="gate",
                execution=execution.output,
                rules=gate,
                report=report,
                report_uri=report_uri,
                endpoint_name=(endpoint or {}).get("endpoint_name"),
                model_package_group=model_package_group,
                pipeline_resource_name=common.get("resource_name") or (pipeline_args or {}).get("resource_name"),
                **with_aws,
            )
            last, metrics = _after(last, judged), XComArg(judged, XCOM_METRICS)
        if register:
            from airflow_ack_sagemaker.operators.registry import (
                XCOM_VERSION,
                ApproveModelOperator,
                RegisterModelOperator,
            )

            registered = RegisterModelOperator(
                task_id="register",
                execution=execution.output,
                model_package_group=model_package_group,
                model_package=register if isinstance(register, Mapping) else None,
                metrics=metrics,
                **with_aws,
                **region,
            )
            last = _after(last, registered)
            answer = None
            if (approval or ("rule" if gate is not None else "human")) == "human":
                gate_id = judged.task_id if judged is not None else None
                asked = _question(pipeline_name, registered.task_id, gate_id, approvers, approval_timeout)
                last, answer = _after(last, asked), asked.output
            approved = ApproveModelOperator(
                task_id="approve",
                version=registered.output,
                answer=answer,
                **{**shared, **(approve_args or {})},
            )
            last, version = _after(last, approved), XComArg(approved, XCOM_VERSION)
        if endpoint is not None:
            from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator

            model = {"model_package_arn": version} if version is not None else {}
            arguments = {"task_id": "deploy", "metrics": metrics, **shared, **region, **model, **endpoint}
            deployed = AckEndpointOperator(**arguments)
            last = _after(last, deployed)
        if smoke_test is not None and deployed is not None:
            from airflow_ack_sagemaker.operators.smoke_test import SmokeTestOperator

            tried = {"task_id": "smoke_test", "deployed": deployed.output, **with_aws, **region, **smoke_test}
            last = _after(last, SmokeTestOperator(**tried))
        if collect is not None:
            from airflow_ack_sagemaker.operators.collect import AckCollectExecutionsOperator

            going = {"task_id": "collect", "pipeline_name": pipeline_name, **shared, **collect}
            # A teardown runs in any case, and its success does not make the DAG run one.
            _after(last, AckCollectExecutionsOperator(**going).as_teardown())
    return group


_OF_ALL_TASKS = frozenset(
    {
        "deferrable",
        "execution_timeout",
        "executor",
        "kubernetes_conn_id",
        "namespace",
        "on_failure_callback",
        "owner",
        "pool",
        "priority_weight",
        "queue",
        "retries",
        "retry_delay",
    }
)


def _after(before: Any, task: Any) -> Any:
    before >> task
    return task


def _question(
    pipeline_name: str,
    register_id: str,
    gate_id: str | None,
    approvers: Sequence[Mapping[str, str]] | None,
    timeout: timedelta,
) -> Any:
    """The task that asks a person, of Airflow's standard provider. No answer is a no."""
    import inspect

    from airflow.providers.standard.operators.hitl import HITLOperator

    limit = "response_timeout" if "response_timeout" in inspect.signature(HITLOperator).parameters else None
    arguments: dict[str, Any] = {limit or "execution_timeout": timeout}
    if approvers is not None:
        arguments["assigned_users"] = [dict(user) for user in approvers]
    body = f"The run has registered {{{{ ti.xcom_pull(task_ids='{register_id}')['arn'] }}}}."
    if gate_id is not None:
        body += f"\n\nIts metrics: {{{{ ti.xcom_pull(task_ids='{gate_id}')['why'] | join('; ') }}}}."
    return HITLOperator(
        task_id="ask",
        subject=f"Serve the new model of {pipeline_name}?",
        body=f"{body}\n\nApproved, it is served; rejected, what serves stays.",
        options=["Approve", "Reject"],
        defaults="Reject",
        **arguments,
    )


def _check(*, register: Any, approval: str | None, endpoint: Any, smoke_test: Any) -> None:
    """:raises ValueError: parts that need each other are not given together."""
    if approval not in (None, "rule", "human"):
        raise ValueError(f"approval {approval!r} must be 'rule' or 'human'.")
    if approval is not None and not register:
        raise ValueError("approval needs register: a version of the model registry is what is approved.")
    if endpoint is not None and not register and not ({"model", "model_package_arn"} & set(endpoint)):
        raise ValueError("endpoint needs register, or a model (model or model_package_arn among its arguments).")
    if smoke_test is not None and endpoint is None:
        raise ValueError("smoke_test needs endpoint: there is nothing to try.")
