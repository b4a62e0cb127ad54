"""ARNs that others write."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.resource.arns import arn_of


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws", "eu-central-1"),
        ("aws-cn", "cn-northwest-1"),
        ("aws-us-gov", "us-gov-east-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
    ],
)
def test_an_execution_of_each_partition_is_one(partition: str, region: str) -> None:
    found = arn_of(f"arn:{partition}:sagemaker:{region}:123456789012:pipeline/abalone/execution/0123456789ab")
    assert found is not None
    assert (found.partition, found.region, found.execution_of) == (partition, region, "abalone")


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:sagemaker:evil.example/:123456789012:pipeline/a/execution/b",
        "arn:aws:sagemaker:europe-central-1:123456789012:pipeline/a/execution/b",
        "arn:aws:sagemaker:eu-central-1:12345:pipeline/a/execution/b",
        "arn:aws:sagemaker:eu-central-1:123456789012:pipeline/a/execution/b\n",
        "",
        None,
    ],
)
def test_what_is_of_another_form_is_none(text: str | None) -> None:
    assert arn_of(text) is None
