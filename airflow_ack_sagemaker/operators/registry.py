"""The tasks around the model registry: register what an execution has made, and approve or reject it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.base import AckOperator
from airflow_ack_sagemaker.operators.gate import XCOM_DECISION
from airflow_ack_sagemaker.operators.outlets import tell_outlets
from airflow_ack_sagemaker.operators.run import run_of

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

    from airflow_ack_sagemaker.core.lifecycle.registry import ModelVersion

XCOM_VERSION = "model_package_arn"
"""XCom of an approval: ARN of the version that may be served."""
TIMEOUT = 3600.0
"""Seconds: a version without a validation is there within one, the scan of its image takes minutes."""


class RegisterModelOperator(AckOperator):
    """Have the version that an execution has made in the cluster: adopted where the pipeline has registered it, else
    registered here, once for the run.

    An execution that has succeeded without registering a model (its own condition said no) skips the tasks after this
    one, so that nothing is deployed: XCom ``decision`` is ``nothing_registered`` then.

    The result (XCom ``return_value``) is ``{"arn", "group", "version", "resource", "namespace", "approval"}``; it is
    also the ``extra`` of the events of the task's outlet assets.

    ```python
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
    from airflow_ack_sagemaker.operators.registry import RegisterModelOperator

    retrain = AckPipelineExecutionOperator(task_id="retrain", pipeline_name="demand")
    RegisterModelOperator(task_id="register", execution=retrain.output)
    ```

    :param execution: result of an `AckPipelineExecutionOperator`, for the version that its RegisterModel step has made:
        SageMaker is asked for it (ListPipelineExecutionSteps, through ``aws_conn_id``). The version is adopted by its
        ARN and never deleted from here.
    :param model_package_group: of the version; None: whichever the pipeline has registered.
    :param model_package: ``spec`` of a ModelPackage without group, approval and token, most of all
        ``inferenceSpecification``: then it is registered here, and waits for its approval.
    :param metrics: numbers by path, as the gate has read them: they are written on the version.
    :param region: AWS region; None: the namespace's.
    :param aws_conn_id: connection of type ``aws``.

    Raises `AckInputError` where the execution has registered versions of several groups, `AckClusterError` where
    SageMaker may not be asked, Airflow's ``AirflowSkipException`` where nothing was registered, else as
    `AckResourceOperator` does.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "execution",
        "model_package_group",
        "model_package",
        "metrics",
        "region",
        "aws_conn_id",
    )
    ui_color = "#e8f7ee"

    def __init__(
        self,
        *,
        execution: Any = None,
        model_package_group: str | None = None,
        model_package: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | XComArg | None = None,
        region: str | None = None,
        aws_conn_id: str | None = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"timeout": TIMEOUT, **kwargs})
        self.execution = execution
        self.model_package_group = model_package_group
        self.model_package = model_package
        self.metrics = metrics
        self.region = region
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Register or adopt."""
        from airflow_ack_sagemaker.core.resource.manifest import check_mapping
        from airflow_ack_sagemaker.operators.execution_result import execution_result
        from airflow_ack_sagemaker.runs.registry import adopt, register

        with self.cluster() as client:
            run, metrics = run_of(context, self.namespace or client.namespace), check_mapping("metrics", self.metrics)
            made_by = None if self.execution is None else execution_result(self.execution)["arn"]
            if self.model_package is not None:
                version = register(
                    client,
                    self.model_package_group or "",
                    check_mapping("model_package", self.model_package),
                    run,
                    metrics=metrics,
                    execution=made_by,
                    region=self.region,
                    deadlines=self.deadlines(),
                    log=self.log,
                )
            else:
                version = adopt(
                    client,
                    self._registered(context),
                    run.namespace,
                    identity=run.identity,
                    metrics=metrics,
                    execution=made_by,
                    region=self.region,
                    deadlines=self.deadlines(),
                    log=self.log,
                )
        result = _result(version, run.namespace)
        tell_outlets(self, context, result)
        return result

    def _registered(self, context: Context) -> str:
        """ARN of the version that the execution has registered.

        :raises AirflowSkipException: it has registered none.
        """
        from airflow_ack_sagemaker.aws.steps import steps_of
        from airflow_ack_sagemaker.compat import AirflowSkipException
        from airflow_ack_sagemaker.core.lifecycle.registry import parts_of, registered_by
        from airflow_ack_sagemaker.core.resource.manifest import SpecError
        from airflow_ack_sagemaker.exceptions import AckClusterError
        from airflow_ack_sagemaker.operators.execution_result import execution_result

        arn = execution_result(self.execution)["arn"]
        region = self.region or (arn.split(":")[3] or None)
        try:
            steps = steps_of(arn, aws_conn_id=self.aws_conn_id, region=region)
        except Exception as error:
            raise AckClusterError(
                f"SageMaker cannot be asked what {arn} has registered (aws_conn_id={self.aws_conn_id!r}): {error}. It "
                "needs sagemaker:ListPipelineExecutionSteps."
            ) from error
        group = self.model_package_group
        found = [each for each in registered_by(steps) if group in (None, parts_of(each)[0])]
        if not found:
            context["ti"].xcom_push(key=XCOM_DECISION, value="nothing_registered")
            raise AirflowSkipException(
                f"{arn} has succeeded, but it has registered no model{f' in {group}' if group else ''}: its own "
                "conditions have said no. Nothing is deployed; what serves stays."
            )
        if len({parts_of(each)[0] for each in found}) > 1:
            raise SpecError(f"{arn} has registered {', '.join(found)}: give the model_package_group that is meant.")
        return found[-1]


class ApproveModelOperator(AckOperator):
    """Approve or reject a version, and wait until the controller has answered. A rejection skips the tasks after it.

    The result (XCom ``return_value``) is that of `RegisterModelOperator`, whose version it decides on; it is also the
    ``extra`` of the events of the task's outlet assets, of which a rejection makes none.

    ```python
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
    from airflow_ack_sagemaker.operators.registry import ApproveModelOperator, RegisterModelOperator

    retrain = AckPipelineExecutionOperator(task_id="retrain", pipeline_name="demand")
    register = RegisterModelOperator(task_id="register", execution=retrain.output)
    ApproveModelOperator(task_id="approve", version=register.output)
    ```

    :param version: result of a `RegisterModelOperator`.
    :param answer: result of an Airflow ``HITLOperator`` with the options ``Approve`` and ``Reject``; None: it is
        approved, because all before this task has passed, unless somebody has rejected it meanwhile. A
        question that has no answer (its task was marked as a success by hand) is a no.
    :param description: what is written beside the decision, for people.

    Raises `AckInputError` where ``version`` is no such result, Airflow's ``AirflowSkipException`` for a rejection, else
    as `AckResourceOperator` does.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "version", "answer", "description")
    ui_color = "#e8f7ee"

    def __init__(
        self, *, version: Any, answer: Any = None, description: str = "approved by the rules of its DAG", **kwargs: Any
    ) -> None:
        super().__init__(**{"timeout": TIMEOUT, **kwargs})
        self.version = version
        self.answer = answer
        self.description = description
        self._by_rule = answer is None

    def execute(self, context: Context) -> dict[str, Any]:
        """Decide, write, wait."""
        from airflow_ack_sagemaker.compat import AirflowSkipException
        from airflow_ack_sagemaker.exceptions import AckInputError
        from airflow_ack_sagemaker.runs.approval import WasRejected, decide_on

        if not isinstance(self.version, Mapping) or not isinstance(self.version.get("resource"), str):
            raise AckInputError(f"version must be the result of a RegisterModelOperator, not {self.version!r}.")
        approved, who = (True, self.description) if self._by_rule else _answered(self.answer)
        namespace = str(self.version["namespace"])
        with self.cluster() as client:
            try:
                version = decide_on(
                    client,
                    self.version["resource"],
                    namespace,
                    approved=approved,
                    description=f"{who} ({context['ti'].dag_id}, {context['ti'].run_id})",
                    by_rule=self._by_rule,
                    arn=self.version.get("arn"),
                    deadlines=self.deadlines(),
                    log=self.log,
                )
                rejected = None if approved else f"{version.name} was rejected: {who}."
            except WasRejected as error:
                rejected = str(error)
        if rejected is not None:
            context["ti"].xcom_push(key=XCOM_DECISION, value="rejected")
            raise AirflowSkipException(f"{rejected} Nothing is deployed; what serves stays.")
        context["ti"].xcom_push(key=XCOM_VERSION, value=version.arn)
        result = _result(version, namespace)
        tell_outlets(self, context, result)
        return result


class NewestApprovedModelOperator(AckOperator):
    """The version of a group to serve: the newest one that is exactly "Approved", of those that the namespace has
    resources of. Where an approval was taken back, that is the one before. None: the tasks after this one are skipped.

    With an `AckEndpointOperator` after it, an endpoint follows the registry: what serves already is not rolled out
    again. The result (XCom ``return_value``) is that of `RegisterModelOperator`; the XCom ``model_package_arn`` has the
    ARN alone.

    ```python
    from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator
    from airflow_ack_sagemaker.operators.registry import NewestApprovedModelOperator

    newest = NewestApprovedModelOperator(task_id="newest", model_package_group="demand")
    AckEndpointOperator(
        task_id="deploy",
        endpoint_name="demand",
        model_package_arn=newest.output["model_package_arn"],
        execution_role_arn="arn:aws:iam::123456789012:role/serving",
        instance_type="ml.m5.large",
    )
    ```

    :param model_package_group: name of the group.
    :raises AirflowSkipException: none is approved.
    :raises AckClusterError: the cluster cannot be asked, or refuses.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "model_package_group")
    ui_color = "#e8f7ee"

    def __init__(self, *, model_package_group: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_package_group = model_package_group

    def execute(self, context: Context) -> dict[str, Any]:
        """Look."""
        from airflow_ack_sagemaker.compat import AirflowSkipException
        from airflow_ack_sagemaker.runs.registry import newest_approved_in

        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            version = newest_approved_in(client, self.model_package_group, namespace)
        if version is None:
            raise AirflowSkipException(f"No version of {self.model_package_group} is approved: what serves stays.")
        self.log.info("The newest approved version of %s is %s.", version.group, version.name)
        context["ti"].xcom_push(key=XCOM_VERSION, value=version.arn)
        return _result(version, namespace)


def _answered(answer: Any) -> tuple[bool, str]:
    """Whether a person has approved, and who. Anything but "Approve" is none."""
    if not isinstance(answer, Mapping):
        return False, "nobody has answered"
    approved = list(answer.get("chosen_options") or ()) == ["Approve"]
    user = answer.get("responded_by_user")
    name = (user.get("name") or user.get("id")) if isinstance(user, Mapping) else None
    word = "approved" if approved else "rejected"
    return approved, f"{word} by {name}" if name else f"{word}, since nobody has answered in time"


def _result(version: ModelVersion, namespace: str) -> dict[str, Any]:
    return {
        "arn": version.arn,
        "group": version.group,
        "version": version.number,
        "resource": version.resource,
        "namespace": namespace,
        "approval": version.approval,
    }
