"""Airflow's connections in the API server: one that is not there is never the process's own identity."""

from __future__ import annotations

import json

import pytest
from airflow.models import Connection

from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.plugin.aws import Aws, AwsTrouble
from airflow_ack_sagemaker.plugin.connections import ServerAckHook
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
