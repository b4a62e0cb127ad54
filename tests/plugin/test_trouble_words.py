"""The words of an error: of a length that neither a connection nor an answer decides, and without secrets."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.plugin.trouble import aws_trouble_of, trouble_of
from tests.support.turns import counted

LONGEST = 5_000


def refused(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "DescribePipeline")


def test_short_words_are_shown_whole() -> None:
    assert trouble_of(ConfigError("it is so")).detail == "it is so"
    assert aws_trouble_of(refused("it is so"), "aws").detail == "AWS says ValidationException: it is so"


@pytest.mark.parametrize("word", ["a=1 ", "://a:b@c ", "eyJaaaaaa.", "x" * 39 + " ", "://"])
def test_long_words_are_cut_before_they_are_looked_through(word: str) -> None:
    def work(size: int) -> int:
        words = word * (size // len(word))
        with counted() as turns:
            first = trouble_of(ConfigError(words))
            second = aws_trouble_of(refused(words), "aws")
        assert max(map(len, (first.detail, first.words, second.detail))) < LONGEST
        return turns.calls

    work(10)  # what is made once
    assert work(4_000_000) <= work(40_000) + 1_000


@pytest.mark.parametrize("before", [0, 3_900, 3_999, 15_000, 15_990])
def test_no_part_of_a_secret_stands_where_they_are_cut(before: int) -> None:
    """Wherever the cut is: a private key is one secret, and its half is half of it."""
    key = f"-----BEGIN PRIVATE KEY-----\n{'sesame00' * 550}\n-----END PRIVATE KEY-----"
    found = trouble_of(ConfigError("x " * (before // 2) + f"token={'sesame00' * 550} {key}" + " y" * 20_000))
    assert "sesame" not in found.detail
    assert "sesame" not in found.words


def test_what_masking_has_made_longer_is_cut_too() -> None:
    assert len(trouble_of(ConfigError("a://b:c@" * 900)).detail) < LONGEST
