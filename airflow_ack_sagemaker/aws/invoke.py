"""Ask an endpoint for a prediction (InvokeEndpoint of the service sagemaker-runtime)."""

from __future__ import annotations

from dataclasses import dataclass

_MOST = 1_048_576
"""Bytes of an answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint has answered. ``variant`` is the one that did."""

    body: bytes
    content_type: str
    variant: str | None


def invoke(
    endpoint_name: str,
    payload: bytes,
    *,
    content_type: str,
    accept: str | None,
    aws_conn_id: str | None,
    region: str | None,
) -> Answer:
    """One prediction.

    :param endpoint_name: name of the endpoint in SageMaker.
    :param region: AWS region; None: the connection's.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker, or the model, refuses it.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    client = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker-runtime", region_name=region).get_conn()
    accepted = {"Accept": accept} if accept else {}
    answer = client.invoke_endpoint(EndpointName=endpoint_name, Body=payload, ContentType=content_type, **accepted)
    body: bytes = answer["Body"].read(_MOST)
    return Answer(body, answer.get("ContentType") or "", answer.get("InvokedProductionVariant"))
