"""The amazon provider's operator beside ours: it waits for InService, which an endpoint is after a rollback, too."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator

from tests.operators.stage import MODEL, ROLE, Stage
from tests.support.peer_endpoint import serving


def test_the_peer_calls_an_update_that_was_rolled_back_a_success(stage: Stage) -> None:
    """A row of docs/lifecycle.md; `test_endpoint.py` has ours."""
    endpoint, sagemaker = stage.name("peer"), stage.sandbox.aws_client("sagemaker")
    second = serving(sagemaker, endpoint, image=MODEL["primaryContainer"]["image"], role=ROLE)
    stage.script(f"endpoint/{endpoint}=rollback:no ping")
    config = {"EndpointName": endpoint, "EndpointConfigName": second}
    peer = SageMakerEndpointOperator(
        task_id="deploy",
        operation="update",
        config=config,
        check_interval=1,
        wait_for_completion=True,
        deferrable=False,
    )
    peer.execute(stage.context(endpoint))
    assert stage.serves(endpoint) == f"{endpoint}-1", "it was rolled back, and the peer's task has succeeded"
