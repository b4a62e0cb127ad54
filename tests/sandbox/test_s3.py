"""S3 as the sandbox has it, for clients that are not boto3."""

from __future__ import annotations

import httpx
import pytest

from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from tests.sandbox.conftest import client
from tests.sandbox.definitions import CHAIN


@pytest.mark.parametrize(
    "media",
    [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        "multipart/form-data; boundary=x",
        "application/json",
        None,
    ],
)
def test_an_object_keeps_its_bytes(endpoint: AwsEndpoint, media: str | None) -> None:
    s3 = client("s3", endpoint.url)
    s3.create_bucket(Bucket="definitions")
    body = CHAIN.encode() + b"&a=b%20c\xff"
    # What `curl --upload-file` and `curl --request PUT --data-binary` send.
    headers = {"Content-Type": media} if media else {}
    sent = httpx.put(f"{endpoint.url}/definitions/a.json", content=body, headers=headers, trust_env=False, timeout=60)
    assert sent.status_code == 200
    assert s3.get_object(Bucket="definitions", Key="a.json")["Body"].read() == body
    s3.close()
