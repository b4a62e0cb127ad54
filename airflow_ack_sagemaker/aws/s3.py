"""Reading a pipeline definition from S3, through the Amazon provider's ``S3Hook`` on an Airflow connection.

One ``GetObject`` says everything: bytes, version, key of the encryption. A separate ``HeadObject`` could describe
another version than the one that is then read.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from airflow_ack_sagemaker.aws.errors import SourceError, translated
from airflow_ack_sagemaker.core.definition.document import MAX_TEXT

DEFAULT_CONNECTION = "aws_default"

MAX_BYTES = MAX_TEXT
"""Larger objects are refused before they are read: a definition has at most 1,048,576 characters."""


@dataclass(frozen=True, slots=True)
class S3Source:
    """Where a definition lies in S3. Without ``version_id`` the latest version is meant."""

    bucket: str
    key: str
    version_id: str | None = None

    @classmethod
    def parse(cls, uri_or_key: str, bucket: str | None = None, version_id: str | None = None) -> S3Source:
        """From ``s3://bucket/key``, ``s3://bucket/key?versionId=...``, or a key with its bucket.

        :raises SourceError: no bucket, no key, or a bucket or version that is said twice and differs.
        """
        if not isinstance(uri_or_key, str) or not uri_or_key.strip():
            raise SourceError("The definition's place in S3 is empty. Give s3://bucket/key, or a key and its bucket.")
        if "://" not in uri_or_key:
            if not bucket:
                raise SourceError(
                    f"{uri_or_key!r} is a key without a bucket. Give s3://bucket/key, or the bucket as well."
                )
            return cls(bucket, uri_or_key, version_id or None)
        scheme, _, rest = uri_or_key.partition("://")
        if scheme.lower() not in ("s3", "s3a", "s3n"):
            raise SourceError(f"{uri_or_key!r} is not in S3. Give s3://bucket/key.")
        # Split by hand: "#" and "?" are legal in keys, and only a query that is a version id is one.
        name, _, key = rest.partition("/")
        path, mark, query = key.rpartition("?")
        if mark and query.startswith("versionId="):
            key, found = path, unquote(query.removeprefix("versionId="))
            if not found:
                raise SourceError(f"{uri_or_key!r} names no version after versionId=.")
            if version_id and version_id != found:
                raise SourceError(
                    f"{uri_or_key!r} names version {found!r}, but version {version_id!r} is asked for too."
                )
            version_id = found
        if not name or not key:
            raise SourceError(f"{uri_or_key!r} has no {'bucket' if not name else 'key'}. Give s3://bucket/key.")
        if bucket and bucket != name:
            raise SourceError(f"{uri_or_key!r} names bucket {name!r}, but bucket {bucket!r} is given too.")
        return cls(name, key, version_id or None)

    @property
    def uri(self) -> str:
        """``s3://bucket/key``, without the version."""
        return f"s3://{self.bucket}/{self.key}"

    def __str__(self) -> str:
        return f"{self.uri} (version {self.version_id})" if self.version_id else self.uri


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """Which version of an object is the latest: ``version_id`` (None without versioning), ``etag`` and when it was
    written, as S3 gives them."""

    version_id: str | None
    etag: str | None
    last_modified: datetime | None = None

    @property
    def token(self) -> str:
        """A string that changes whenever the object is written."""
        return self.version_id or self.etag or ""


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """An object as it was read.

    ``version_id`` is the version that S3 sent, None in a bucket without versioning. ``sha256`` is the hex digest of the
    bytes, ``size`` their number. ``kms_key_id`` is the ARN of the KMS key that it is encrypted with, if it is.
    """

    source: S3Source
    content: bytes = field(repr=False)
    version_id: str | None
    etag: str | None
    sha256: str
    size: int
    kms_key_id: str | None = None


def fetch_definition(
    source: S3Source,
    *,
    aws_conn_id: str | None = DEFAULT_CONNECTION,
    region_name: str | None = None,
    expected_sha256: str | None = None,
    client: Any = None,
) -> FetchedObject:
    """Read an object.

    :param source: what to read; with a version id exactly that version.
    :param aws_conn_id: an Airflow connection of type ``aws``; None takes boto3's own search for credentials.
    :param region_name: overrides the connection's region.
    :param expected_sha256: hex digest that the bytes must have.
    :param client: boto3's client of S3, for who needs no Airflow connection.
    :raises SourceError: with what, where and what to do; ``retryable`` tells whether another try may help.
    """
    with translated(str(source), source.version_id is not None, aws_conn_id):
        response = (client or connect(source, aws_conn_id, region_name)).get_object(**_request(source))
        # Not "with response["Body"]": that gives the raw stream, whose errors are urllib3's.
        with closing(response["Body"]) as body:
            size = int(response.get("ContentLength") or 0)
            # Without a length (chunked) only reading tells: never more than one byte too many.
            content: bytes = b"" if size > MAX_BYTES else _read(body, MAX_BYTES + 1)
            if max(size, len(content)) > MAX_BYTES:
                said = f"{size:,} bytes, more than {MAX_BYTES:,}" if size else f"more than {MAX_BYTES:,} bytes"
                raise SourceError(
                    f"{source} has {said}: no pipeline definition is that large. "
                    "Check the key, and keep data out of the definition."
                )
    digest = hashlib.sha256(content).hexdigest()
    version = _version(response)
    if expected_sha256 and digest != expected_sha256.strip().lower():
        raise SourceError(
            f"{source} has sha256 {digest}, not the expected {expected_sha256.strip().lower()} "
            f"(version {version.version_id or 'none'}, {len(content):,} bytes). "
            "The object was changed: review it and update the expected digest, or name the version that was reviewed."
        )
    return FetchedObject(
        source=source,
        content=content,
        version_id=version.version_id,
        etag=version.etag,
        sha256=digest,
        size=len(content),
        kms_key_id=response.get("SSEKMSKeyId"),
    )


def _read(body: Any, length: int) -> bytes:
    """At most so many bytes. One read of a stream may give less than is there."""
    pieces: list[bytes] = []
    while length > 0 and (piece := body.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def current_version(
    source: S3Source,
    *,
    aws_conn_id: str | None = DEFAULT_CONNECTION,
    region_name: str | None = None,
    client: Any = None,
) -> ObjectVersion:
    """The version that a fetch would read now, by ``HeadObject``: no content is sent, and no KMS key is needed.

    :param client: what `connect` gave, where it is asked again and again.
    :raises SourceError: as :func:`fetch_definition` does; S3 gives a HEAD no reason, so bucket and key are told apart
        less.
    """
    with translated(str(source), source.version_id is not None, aws_conn_id):
        client = client or connect(source, aws_conn_id, region_name)
        return _version(client.head_object(**_request(source)))


def _request(source: S3Source) -> dict[str, str]:
    version = {"VersionId": source.version_id} if source.version_id else {}
    return {"Bucket": source.bucket, "Key": source.key, **version}


def _version(response: dict[str, Any]) -> ObjectVersion:
    # "null" is the version of what was written while the bucket was not versioned.
    version = response.get("VersionId")
    etag = (response.get("ETag") or "").strip('"') or None
    return ObjectVersion(None if version == "null" else version, etag, response.get("LastModified"))


def connect(source: S3Source, aws_conn_id: str | None, region_name: str | None = None) -> Any:
    """The connection's S3 client. The hook is imported here: it costs most of a second and 9 MB.

    :raises SourceError: there is no such connection, or it is not usable.
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    hook = S3Hook(aws_conn_id=aws_conn_id, region_name=region_name)
    # The hook goes on without a connection that it does not find, with whatever credentials the worker has. For the
    # provider's default name that is the custom (a worker with its own identity needs no connection); another name was
    # meant.
    if aws_conn_id and aws_conn_id != DEFAULT_CONNECTION and hook.conn_config.conn_type is None:
        raise SourceError(
            f"{source} was not read: Airflow has no connection {aws_conn_id!r}. Add it (type aws), or pass "
            "aws_conn_id=None to use the worker's own AWS identity."
        )
    try:
        return hook.get_conn()
    except ValueError as error:  # botocore: an endpoint_url that is no URL
        raise SourceError(f"{source} was not read: connection {aws_conn_id!r} is not usable: {error}") from error
