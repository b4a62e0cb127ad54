"""Which names hide what stands beside them."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.pages.masking import masked
from airflow_ack_sagemaker.plugin.masker import AirflowMasker

VALUE = "hunter22x"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "DB_PASS",
            "DbPass",
            "db-pass",
            "db.pass",
            "SMTP_PASS",
            "userpass",
            "MYSQL_PW",
            "AccountKey",
            "ApiKey",
            "API-KEY",
        ),
        *(
            "api.key",
            "AWS_SECRET_ACCESS_KEY",
            "X-Amz-Signature",
            "db_password",
            "PWD",
            "ServiceAccount",
            "service_account",
        ),
    ],
)
def test_the_value_of_such_a_name_is_hidden(name: str) -> None:
    masker = AirflowMasker()
    for document in ({name: VALUE}, [f"--{name}", VALUE], {"Name": name, "DefaultValue": VALUE}, f"{name}={VALUE}"):
        assert VALUE not in str(masked(document, masker)), document


@pytest.mark.parametrize(
    "name",
    ["pass", "bypass", "PassRole", "iam:PassRole", "forward_pass", "first_pass", "compass", "passenger", "pw", "name"],
)
def test_the_value_of_an_ordinary_name_stays(name: str) -> None:
    masker = AirflowMasker()
    for document in ({name: VALUE}, [f"--{name}", VALUE], {"Name": name, "DefaultValue": VALUE}, f"{name}={VALUE}"):
        assert masked(document, masker) == document


def test_a_connection_string_of_azure_shows_its_account_only() -> None:
    text = f"DefaultEndpointsProtocol=https;AccountName=models;AccountKey={VALUE}==;EndpointSuffix=core.windows.net"
    assert masked(text, AirflowMasker()) == text.replace(f"{VALUE}==", "***")
