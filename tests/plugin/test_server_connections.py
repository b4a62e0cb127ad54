"""Airflow's connections in the API server: one that is not there is never the process's own identity."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.models import Connection

from airflow_ack_sagemaker.aws.s3 import ObjectVersion, S3Source
from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.plugin import aws
from airflow_ack_sagemaker.plugin.aws import Aws, AwsTrouble
from airflow_ack_sagemaker.plugin.connections import ServerAckHook, connection_digest
from tests.plugin.test_connection_policy import EKS, GET_TOKEN, inline


@pytest.fixture(autouse=True)
def own_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API server itself may be."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWNIDENTITY00000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    extra = json.dumps(inline({"exec": GET_TOKEN}, server=EKS))
    monkeypatch.setenv("AIRFLOW_CONN_EKS", Connection("eks", conn_type="kubernetes", extra=extra).as_json())


def minted(aws_conn_id: str) -> str:
    hook = ServerAckHook("eks", aws_conn_id)
    config = hook.cluster(hook.get_connection("eks").extra_dejson)
    assert config.credential.issuer is not None
    return config.credential.issuer.issue().token


def test_no_token_of_eks_is_minted_with_the_processs_own_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"Airflow has no AWS connection 'aws_mistyped'\. Add it"):
        minted("aws_mistyped")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_MISTYPED", json.dumps({"conn_type": "aws", "login": "AKIA", "password": "x"}))
    assert minted("aws_mistyped").startswith("k8s-aws-v1.")


async def test_nor_is_anything_asked_of_aws() -> None:
    with pytest.raises(AwsTrouble) as error:
        await Aws("aws_mistyped").definition("arn:aws:sagemaker:eu-central-1:123456789012:pipeline/x", "eu-central-1")
    assert "no AWS connection 'aws_mistyped'" in error.value.trouble.detail


def test_each_member_of_a_connection_tells_what_it_says_from_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection_digest("of_nobody") is None
    said = {"conn_type": "aws", "host": "h", "schema": "s", "login": "l", "password": "p", "port": 1, "extra": "{}"}
    digests = set()
    for change in ({}, {"login": "m"}, {"password": "q"}, {"extra": '{"region_name": "eu-west-1"}'}, {"host": "i"}):
        monkeypatch.setenv("AIRFLOW_CONN_EDITED", json.dumps({**said, **change}))
        digests.add(connection_digest("edited"))
        assert connection_digest("edited") in digests
    assert len(digests) == 5


async def test_an_edited_aws_connection_is_asked_by_what_it_says_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its former key may be accepted as long as before."""
    keys = []

    def head(source: S3Source, *, aws_conn_id: str, client: Any) -> Any:
        keys.append(client._request_signer._credentials.access_key)
        return ObjectVersion("v", None)

    monkeypatch.setattr(aws, "current_version", head)
    monkeypatch.setattr(aws, "EDITED_SECONDS", 0.0)
    one = Aws("edited")
    for number, key in enumerate(("AKIAFIRST", "AKIAFIRST", "AKIASECOND")):
        said = {"conn_type": "aws", "login": key, "password": "x", "extra": {"region_name": "eu-west-1"}}
        monkeypatch.setenv("AIRFLOW_CONN_EDITED", json.dumps(said))
        assert await one.newest_version(S3Source("bucket", f"key-{number}")) == "v"
    assert keys == ["AKIAFIRST", "AKIAFIRST", "AKIASECOND"]
    # What was read before holds while Airflow's database does not answer.
    monkeypatch.setattr(aws, "connection_digest", lambda conn_id: 1 / 0)
    assert await one.newest_version(S3Source("bucket", "another")) == "v"
    assert keys[-1] == "AKIASECOND"
