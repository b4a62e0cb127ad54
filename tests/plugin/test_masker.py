"""Which names hide what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_ack_sagemaker.aws.logs import LogLine
from airflow_ack_sagemaker.core.pages.masking import masked, whole_words
from airflow_ack_sagemaker.core.pages.secret_texts import SecretTexts
from airflow_ack_sagemaker.plugin.detail import described
from airflow_ack_sagemaker.plugin.masker import MASKER, AirflowMasker
from airflow_ack_sagemaker.plugin.reader import _masked_row
from airflow_ack_sagemaker.plugin.step_log import _shown
from tests.core.resources import SYNCED, execution

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


@pytest.fixture
def known() -> Iterator[str]:
    """What Airflow keeps."""
    secret = "correct-horse-battery"
    MASKER.know(SecretTexts([secret]))
    yield secret
    MASKER.know(SecretTexts())


@pytest.mark.parametrize("before", [3, 10, 20])
def test_no_half_of_a_secret_is_shown_where_a_text_is_cut(known: str, before: int) -> None:
    """A row has 500 characters of a reason, an execution's page 3,000, a line of a log 2,000."""

    def cut_at(length: int) -> str:
        return f"{'word ' * length}"[: length - before - 2] + f" {known} and more of it" + " word" * length

    def failed(reason: str) -> dict[str, object]:
        return execution(SYNCED, said="Failed", reason=reason)

    shown = [
        _masked_row(failed(cut_at(500)), "prod").reason,
        next(one["detail"] for one in described(failed(cut_at(3_000)))["timeline"] if one["kind"] == "bad"),
        _shown(LogLine(0, "s", cut_at(2_000)))["message"],
    ]
    for text in shown:
        assert known[:before] not in text
        assert text.endswith(" …")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("Loading…", "Loading…"),
        ("a " * 300 + "end", "a " * 300 + "end"),
        ("a " * 300 + "half…", "a " * 300 + "…"),
        ("a " * 300 + "half...", "a " * 300 + "..."),
        ("a " * 300 + "…", "a " * 300 + "…"),
        ("x" * 600 + "…", "x" * 400 + "…"),
    ],
    ids=["empty", "short", "whole", "cut", "dots", "between", "long"],
)
def test_the_word_that_was_cut_is_left_out(text: str, whole: str) -> None:
    assert whole_words(text) == whole
