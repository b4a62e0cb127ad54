"""Reading definitions from S3 over HTTP: from moto's server, and from one that says what moto does not."""

from __future__ import annotations

import hashlib
import pickle
import socket
from collections.abc import Callable
from typing import Any

import pytest

from airflow_ack_sagemaker.aws.errors import SourceError
from airflow_ack_sagemaker.aws.s3 import MAX_BYTES, FetchedObject, S3Source, current_version, fetch_definition

from .conftest import BUCKET, VERSIONED, CannedServer, Connect

BODY = b'{"Version": "2020-12-01", "Note": "\xc3\xa9"}'


def fetch(where: str, conn_id: str | None, **more: Any) -> FetchedObject:
    return fetch_definition(S3Source.parse(where), aws_conn_id=conn_id, **more)


def refused(where: str, conn_id: str | None, *words: str, retryable: bool = False, **more: Any) -> str:
    """The message of a refusal that has all these words."""
    with pytest.raises(SourceError) as caught:
        fetch(where, conn_id, **more)
    message = str(caught.value)
    for word in (where.partition("?")[0], *words):
        assert word in message
    assert caught.value.retryable is retryable
    return message


class TestParse:
    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            (("s3://b/k.json",), S3Source("b", "k.json")),
            (("s3://b/a/b/k.json?versionId=3%2FL4kqtJ+x",), S3Source("b", "a/b/k.json", "3/L4kqtJ+x")),
            (("s3://b/k.json?versionId=abc", None, "abc"), S3Source("b", "k.json", "abc")),
            (("s3://b/k.json", "b", "abc"), S3Source("b", "k.json", "abc")),
            (("s3a://b/k",), S3Source("b", "k")),
            (("s3://b/what?.json",), S3Source("b", "what?.json")),
            (("s3://b/a#b c",), S3Source("b", "a#b c")),
            (("s3://b//k",), S3Source("b", "/k")),
            (("a/k.json", "b"), S3Source("b", "a/k.json")),
            (("a/k.json?versionId=x", "b"), S3Source("b", "a/k.json?versionId=x")),
            (("k", "b", ""), S3Source("b", "k")),
        ],
    )
    def test_accepts(self, args: tuple[Any, ...], expected: S3Source) -> None:
        assert S3Source.parse(*args) == expected

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("",), "is empty"),
            ((None,), "is empty"),
            (("k.json",), "without a bucket"),
            (("https://b.s3.amazonaws.com/k",), "not in S3"),
            (("s3://b",), "no key"),
            (("s3://b/",), "no key"),
            (("s3:///k",), "no bucket"),
            (("s3://b/k", "c"), "'c' is given too"),
            (("s3://b/k?versionId=1", None, "2"), "'2' is asked for too"),
            (("s3://b/k?versionId=",), "no version"),
        ],
    )
    def test_refuses(self, args: tuple[Any, ...], words: str) -> None:
        with pytest.raises(SourceError, match=words):
            S3Source.parse(*args)

    def test_writes_itself(self) -> None:
        assert str(S3Source("b", "k")) == S3Source("b", "k", "1").uri == "s3://b/k"
        assert str(S3Source("b", "k", "1")) == "s3://b/k (version 1)"


class TestFetch:
    def test_an_object_without_versions(self, s3: Any, conn_id: str) -> None:
        s3.put_object(Bucket=BUCKET, Key="plain.json", Body=BODY)
        found = fetch(f"s3://{BUCKET}/plain.json", conn_id)
        assert (found.content, found.size, found.version_id, found.kms_key_id) == (BODY, len(BODY), None, None)
        assert found.sha256 == hashlib.sha256(BODY).hexdigest()
        assert found.etag == hashlib.md5(BODY).hexdigest()
        assert "Version" not in repr(found)  # a definition may carry what does not belong into a log

    def test_versions(self, s3: Any, conn_id: str) -> None:
        versions = [
            s3.put_object(Bucket=VERSIONED, Key="v.json", Body=body)["VersionId"]
            for body in (b"old", b"middle", b"new")
        ]
        latest = fetch(f"s3://{VERSIONED}/v.json", conn_id)
        assert (latest.content, latest.version_id) == (b"new", versions[2])
        older = fetch(f"s3://{VERSIONED}/v.json?versionId={versions[1]}", conn_id)
        assert (older.content, older.version_id, older.source.version_id) == (b"middle", versions[1], versions[1])

    def test_a_version_called_null(self, canned: CannedServer, connect: Connect) -> None:
        canned.body, canned.headers = BODY, {"x-amz-version-id": "null", "ETag": '"e"'}
        found = fetch("s3://b/k", connect(canned.url))
        assert (found.version_id, found.etag) == (None, "e")

    def test_an_object_encrypted_with_kms(self, s3: Any, boto: Callable[[str], Any], conn_id: str) -> None:
        key = "arn:aws:kms:us-east-1:123456789012:key/0d2c1f4e-7b3a-4f7e-9d55-0a4c3b1e2f60"
        s3.put_object(Bucket=BUCKET, Key="kms.json", Body=BODY, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        found = fetch(f"s3://{BUCKET}/kms.json", conn_id)
        assert (found.content, found.kms_key_id) == (BODY, key)

    def test_odd_keys(self, s3: Any, conn_id: str) -> None:
        for key in ("a b/é+%20?.json", "x//y.json"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
            assert fetch(f"s3://{BUCKET}/{key}", conn_id).content == key.encode()

    def test_the_expected_digest(self, s3: Any, conn_id: str) -> None:
        s3.put_object(Bucket=BUCKET, Key="digest.json", Body=BODY)
        digest = hashlib.sha256(BODY).hexdigest()
        where = f"s3://{BUCKET}/digest.json"
        assert fetch(where, conn_id, expected_sha256=digest.upper()).sha256 == digest
        refused(where, conn_id, digest, "0" * 64, "was changed", expected_sha256="0" * 64)

    def test_without_a_connection(self, s3: Any, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        s3.put_object(Bucket=BUCKET, Key="chain.json", Body=BODY)
        for name, value in {"ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s", "ENDPOINT_URL": s3_url}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        assert fetch(f"s3://{BUCKET}/chain.json", None).content == BODY
        # The provider's default connection may be missing: a worker with an identity of its own needs none.
        assert fetch(f"s3://{BUCKET}/chain.json", "aws_default").content == BODY

    def test_one_request(self, canned: CannedServer, connect: Connect) -> None:
        canned.body = BODY
        assert fetch("s3://b/k?versionId=7", connect(canned.url)).content == BODY
        assert canned.requests == ["/b/k?versionId=7"]


class TestCurrentVersion:
    def test_changes_with_each_write(self, s3: Any, conn_id: str) -> None:
        for bucket in (BUCKET, VERSIONED):
            source = S3Source(bucket, "watched.json")
            tokens = []
            for body in (b"one", b"two"):
                version_id = s3.put_object(Bucket=bucket, Key=source.key, Body=body).get("VersionId")
                found = current_version(source, aws_conn_id=conn_id)
                assert (found.version_id, found.etag) == (version_id, hashlib.md5(body).hexdigest())
                tokens.append(found.token)
            assert tokens[0] != tokens[1]
            fetched = fetch_definition(source, aws_conn_id=conn_id)
            assert (fetched.version_id, fetched.etag) == (found.version_id, found.etag)

    @pytest.mark.parametrize(
        ("status", "headers", "words", "retryable"),
        [
            (404, {}, "does not exist", False),
            (404, {"x-amz-delete-marker": "true"}, "was deleted", False),
            (403, {}, "s3:GetObject", False),
            (503, {}, "busy", True),
        ],
    )
    def test_refused(
        self,
        canned: CannedServer,
        connect: Connect,
        status: int,
        headers: dict[str, str],
        words: str,
        retryable: bool,
    ) -> None:
        canned.status, canned.headers = status, headers
        with pytest.raises(SourceError, match=words) as caught:
            current_version(S3Source("b", "k"), aws_conn_id=connect(canned.url))
        assert caught.value.retryable is retryable


class TestRefusals:
    """With moto."""

    def test_no_such_bucket(self, conn_id: str) -> None:
        refused("s3://there-is-none/k", conn_id, "no such bucket")

    def test_no_such_key(self, s3: Any, conn_id: str) -> None:
        refused(f"s3://{BUCKET}/none.json", conn_id, "does not exist", "upload")

    def test_no_such_version(self, s3: Any, conn_id: str) -> None:
        s3.put_object(Bucket=VERSIONED, Key="one.json", Body=BODY)
        missing = "0d2c1f4e-7b3a-4f7e-9d55-0a4c3b1e2f60"
        refused(f"s3://{VERSIONED}/one.json?versionId={missing}", conn_id, missing, "no such version")

    def test_deleted(self, s3: Any, conn_id: str) -> None:
        s3.put_object(Bucket=VERSIONED, Key="gone.json", Body=BODY)
        s3.delete_object(Bucket=VERSIONED, Key="gone.json")
        refused(f"s3://{VERSIONED}/gone.json", conn_id, "does not exist")  # moto leaves out S3's x-amz-delete-marker

    def test_too_large(self, s3: Any, conn_id: str) -> None:
        s3.put_object(Bucket=BUCKET, Key="large.json", Body=b" " * (MAX_BYTES + 1))
        refused(f"s3://{BUCKET}/large.json", conn_id, "4,194,305 bytes")

    def test_an_unknown_connection(self) -> None:
        refused("s3://b/k", "nobody_made_this", "no connection 'nobody_made_this'")

    def test_an_invalid_bucket_name(self, conn_id: str) -> None:
        refused("s3://Not A Bucket/k", conn_id, "Invalid bucket name")

    def test_no_credentials(self, s3_url: str, connect: Connect) -> None:
        refused("s3://b/k", connect(s3_url, credentials=False), "no credentials by connection 's3_here'")

    def test_a_profile_that_is_missing(self, s3_url: str, connect: Connect) -> None:
        refused("s3://b/k", connect(s3_url, credentials=False, profile_name="nobody"), "no credentials", "nobody")

    def test_an_endpoint_that_is_no_url(self, connect: Connect) -> None:
        refused("s3://b/k", connect("not a url"), "not usable", "not a url")

    def test_unreachable(self, connect: Connect) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else can take it
            refused("s3://b/k", connect(f"http://127.0.0.1:{taken.getsockname()[1]}"), "not reachable", retryable=True)

    def test_survives_pickling(self) -> None:
        copy = pickle.loads(pickle.dumps(SourceError("message", retryable=True)))
        assert (str(copy), copy.retryable) == ("message", True)


@pytest.mark.parametrize(
    ("status", "code", "message", "headers", "words", "retryable"),
    [
        (403, "AccessDenied", "Access Denied", {}, ("s3:GetObjectVersion", "kms:Decrypt", "s3:ListBucket"), False),
        (403, "AccessDenied", "not authorized to perform: kms:Decrypt", {}, ("KMS key that cannot be used",), False),
        (400, "KMS.DisabledException", "arn:aws:kms:x is disabled", {}, ("must be enabled", "is disabled"), False),
        (400, "InvalidArgument", "Invalid version id specified", {}, ("not the form of a version id",), False),
        (405, "MethodNotAllowed", "Not allowed", {"x_amz_delete_marker": "true"}, ("is a delete marker",), False),
        (403, "InvalidObjectState", "storage class", {}, ("archive",), False),
        (403, "InvalidAccessKeyId", "does not exist", {}, ("are not valid",), False),
        (400, "ExpiredToken", "expired", {}, ("have expired",), True),
        (301, "PermanentRedirect", "elsewhere", {"x_amz_bucket_region": "eu-west-1"}, ("eu-west-1", "region"), False),
        (503, "SlowDown", "Reduce your request rate", {}, ("busy", "SlowDown"), True),
        (500, "InternalError", "We encountered an internal error", {}, ("busy",), True),
        (400, "InvalidRequest", "stored using a form of Server Side Encryption", {}, ("status 400", "stored"), False),
    ],
)
def test_what_s3_says(
    canned: CannedServer,
    connect: Connect,
    status: int,
    code: str,
    message: str,
    headers: dict[str, str],
    words: tuple[str, ...],
    retryable: bool,
) -> None:
    canned.error(status, code, message, **headers)
    refused("s3://b/k?versionId=1", connect(canned.url), code, *words, retryable=retryable)


def test_deleted(canned: CannedServer, connect: Connect) -> None:
    canned.error(404, "NoSuchKey", "The specified key does not exist.", x_amz_delete_marker="true")
    refused("s3://b/k", connect(canned.url), "was deleted", "delete marker")


def test_an_answer_that_is_not_from_aws(canned: CannedServer, connect: Connect) -> None:
    canned.error(403, "", "")
    canned.body = b"<!DOCTYPE html><html><p>Sign in<br></html>"
    role = "arn:aws:iam::123456789012:role/reader"
    extra = {"role_arn": role, "service_config": {"sts": {"endpoint_url": canned.url}}}
    refused("s3://b/k", connect(canned.url, **extra), "not from AWS", retryable=True)


def test_a_role_that_cannot_be_assumed(canned: CannedServer, connect: Connect) -> None:
    canned.error(403, "AccessDenied", "no")
    role = "arn:aws:iam::123456789012:role/reader"
    service_config = {"sts": {"endpoint_url": canned.url}}
    message = refused(
        "s3://b/k", connect(canned.url, role_arn=role, service_config=service_config), "AssumeRole", "Check its role"
    )
    assert "GetObject" not in message


def test_an_answer_that_breaks_off(canned: CannedServer, connect: Connect) -> None:
    canned.body, canned.headers = b"half", {"Content-Length": "8"}
    refused("s3://b/k", connect(canned.url), retryable=True)
