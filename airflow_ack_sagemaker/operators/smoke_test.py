"""`SmokeTestOperator`: ask the endpoint for one prediction, and go back where it does not answer as it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.base import AckOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

ROLLBACK_SECONDS = 3600.0
"""How long going back may take: it is an update of its own."""
_SHOWN = 500
"""Characters of an answer in messages."""


class SmokeTestOperator(AckOperator):
    """Ask an endpoint for one prediction (InvokeEndpoint), the one step that needs an AWS right in Airflow:
    ``sagemaker:InvokeEndpoint`` for ``aws_conn_id``.

    Where it fails, or does not say what it should, the endpoint gets back the configuration that served before the
    deployment, and the task fails. So does a retry then: what serves by then is not what was deployed.

    The result (XCom ``return_value``) is ``{"answer", "content_type", "variant"}``.

    ```python
    from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator
    from airflow_ack_sagemaker.operators.smoke_test import SmokeTestOperator

    deploy = AckEndpointOperator(
        task_id="deploy",
        endpoint_name="demand",
        model={"primaryContainer": {"image": "IMAGE", "modelDataURL": "s3://ml-models/model.tar.gz"}},
        execution_role_arn="arn:aws:iam::123456789012:role/serving",
        instance_type="ml.m5.large",
    )
    SmokeTestOperator(task_id="try", deployed=deploy.output, payload="0.4,0.3,0.1", contains="predictions")
    ```

    :param deployed: result of an `AckEndpointOperator`.
    :param payload: what is sent: a text.
    :param content_type: of the payload.
    :param accept: the content type that the answer should have; None: the endpoint's choice.
    :param contains: a text that the answer must contain; None: any answer will do.
    :param roll_back: False: leave the endpoint as it is when the test fails.
    :param aws_conn_id: connection of type ``aws``.
    :param region: AWS region; None: the connection's.
    :raises AckInputError: ``deployed`` is no such result.
    :raises AckExecutionFailed: the endpoint does not answer so, or cannot be asked now, or is to serve another
        configuration than the deployed one by now (then it is left as it is).
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "deployed",
        "payload",
        "content_type",
        "accept",
        "contains",
        "aws_conn_id",
        "region",
    )
    ui_color = "#e6f4ff"

    def __init__(
        self,
        *,
        deployed: Any,
        payload: str,
        content_type: str = "text/csv",
        accept: str | None = None,
        contains: str | None = None,
        roll_back: bool = True,
        aws_conn_id: str | None = "aws_default",
        region: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deployed = deployed
        self.payload = payload
        self.content_type = content_type
        self.accept = accept
        self.contains = contains
        self.roll_back = roll_back
        self.aws_conn_id = aws_conn_id
        self.region = region

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask; go back where the answer is not what it should be."""
        from airflow_ack_sagemaker.aws.invoke import invoke
        from airflow_ack_sagemaker.exceptions import AckExecutionFailed, AckInputError

        if not isinstance(self.deployed, Mapping) or not isinstance(self.deployed.get("endpoint_name"), str):
            raise AckInputError(f"deployed must be the result of an AckEndpointOperator, not {self.deployed!r}.")
        name = self.deployed["endpoint_name"]
        self._check_is_deployed()
        try:
            answer = invoke(
                name,
                str(self.payload).encode(),
                content_type=self.content_type,
                accept=self.accept,
                aws_conn_id=self.aws_conn_id,
                region=self.region,
            )
        except Exception as error:
            if _may_pass(error):
                raise AckExecutionFailed(
                    f"Endpoint {name} cannot be asked now, and is left as it is: {error}"
                ) from error
            why = f"it does not answer: {error}"
        else:
            text = answer.body.decode(errors="replace")
            if self.contains is None or self.contains in text:
                self.log.info("Endpoint %s (variant %s) answers: %s", name, answer.variant, text[:_SHOWN])
                return {"answer": text[:_SHOWN], "content_type": answer.content_type, "variant": answer.variant}
            why = f"its answer has no {self.contains!r}: {text[:_SHOWN]}"
        raise AckExecutionFailed(f"The smoke test of endpoint {name} has failed: {why}\n{self._go_back()}")

    def _check_is_deployed(self) -> None:
        """Another configuration's answer says nothing of the one that is tried.

        :raises AckExecutionFailed: the endpoint is to serve another one by now.
        """
        from airflow_ack_sagemaker.exceptions import AckExecutionFailed
        from airflow_ack_sagemaker.runs.rollout import asked_for

        name, config = self.deployed.get("name"), self.deployed.get("config")
        if not name or not config:
            return
        with self.cluster() as client:
            asks = asked_for(client, str(name), str(self.deployed.get("namespace") or client.namespace))
        if asks not in (None, config):
            raise AckExecutionFailed(
                f"Endpoint {self.deployed['endpoint_name']} is to serve configuration {asks} by now, not {config}, "
                "which was to be tried: an earlier try of this test has failed and has taken it back, or somebody has "
                "changed it. Nothing was asked. Clear the deployment to roll it out again."
            )

    def _go_back(self) -> str:
        """Ask for the former configuration again: what serves then, as a line."""
        from airflow_ack_sagemaker.core.lifecycle.standing import Rollout
        from airflow_ack_sagemaker.core.lifecycle.told import serving_now
        from airflow_ack_sagemaker.runs.rollout import go_back, model_served_by, write_down_serving

        config, former = self.deployed.get("config"), self.deployed.get("former_config")
        if not self.roll_back or not former or former == config:
            return serving_now(config, model=self.deployed.get("model"))
        with self.cluster() as client:
            namespace = str(self.deployed["namespace"])
            rollout = Rollout(str(config), str(former))
            back = go_back(
                client, str(self.deployed["name"]), namespace, rollout, log=self.log, seconds=ROLLBACK_SECONDS
            )
            if back.config is not None and back.confirmed:
                write_down_serving(client, str(self.deployed["name"]), back.config, namespace, log=self.log)
            model = model_served_by(client, back.config, namespace)
        return serving_now(back.config, model=model, confirmed=back.confirmed)


def _may_pass(error: Exception) -> bool:
    """Whether it says nothing about the model: no credentials, no right, no connection, too many requests."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return True
    return error.response.get("Error", {}).get("Code") not in (
        "ModelError",
        "ModelNotReadyException",
        "ValidationError",
    )
