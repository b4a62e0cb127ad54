"""What can go wrong between here and S3, each with what to do about it.

Error codes and statuses are those of the S3 API reference ("Error responses") and of botocore's exceptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_ack_sagemaker.core.errors import AckError

_RETRYABLE_CODES = frozenset(
    {
        "InternalError",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
_BAD_CREDENTIALS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthFailure"})
_OLD_CREDENTIALS = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_OTHER_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307"}
)


class SourceError(AckError, ValueError):
    """A definition could not be read from its source. ``retryable``: the same request may succeed later;
    ``missing``: there is no such object (now).
    """

    def __init__(self, message: str, *, retryable: bool = False, missing: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.missing = missing

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (str(self), self.retryable, self.missing)


def _unpickled(message: str, retryable: bool, missing: bool) -> SourceError:
    return SourceError(message, retryable=retryable, missing=missing)


@contextmanager
def translated(where: str, versioned: bool, aws_conn_id: str | None) -> Iterator[None]:
    """Turn botocore's exceptions into :class:`SourceError`.

    :param where: what is read, for the messages.
    :param versioned: whether a certain version was asked for.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _from_reply(error, where, versioned, aws_conn_id) from error
    except BotoCoreError as error:
        raise _from_botocore(error, where, aws_conn_id) from error
    except ResponseParserError as error:
        message = (
            f"{where} was not read: the answer is not from AWS. Check endpoint_url of {connection_name(aws_conn_id)}"
        )
        raise SourceError(f"{message}, and any proxy between.", retryable=True) from error


def connection_name(aws_conn_id: str | None) -> str:
    """How a message names the credentials that were used."""
    return f"connection {aws_conn_id!r}" if aws_conn_id else "boto3's own search for credentials (no aws_conn_id)"


def _from_reply(error: Any, where: str, versioned: bool, aws_conn_id: str | None) -> SourceError:
    """From an error that S3 (or STS, when a role is assumed) has answered."""
    details = error.response.get("Error", {})
    code, text = str(details.get("Code", "")), str(details.get("Message", "")).rstrip(".")
    metadata = error.response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or 0)
    headers = {name.lower(): value for name, value in (metadata.get("HTTPHeaders") or {}).items()}
    said = f"{code}: {text}" if text else code
    retryable = code in _RETRYABLE_CODES or code in _OLD_CREDENTIALS or status >= 500 or status == 429
    used = connection_name(aws_conn_id)

    def says(message: str, *, missing: bool = False) -> SourceError:
        return SourceError(f"{message} (AWS says {said}.)", retryable=retryable, missing=missing)

    if error.operation_name not in ("GetObject", "HeadObject"):
        return says(f"{where} was not read: {used} got no credentials, {error.operation_name} failed. Check its role.")
    if headers.get("x-amz-delete-marker") == "true":
        if versioned:
            return says(f"{where} is a delete marker, not an object. Name the version before it.")
        return says(
            f"{where} was deleted: its latest version is a delete marker. Upload it again, or name a version.",
            missing=True,
        )
    if code == "NoSuchBucket":
        return says(f"{where} was not read: there is no such bucket. Check its name, and the endpoint of {used}.")
    if code == "NoSuchVersion":
        return says(f"{where} was not read: the object has no such version. List its versions and name one of them.")
    if code == "InvalidArgument" and "version" in text.lower():
        return says(f"{where} was not read: that is not the form of a version id. Copy it as S3 shows it.")
    if code in ("NoSuchKey", "404"):
        return says(
            f"{where} does not exist. Check the key (case and leading slashes count), or upload the definition.",
            missing=True,
        )
    if code.startswith("KMS.") or (code == "AccessDenied" and "kms" in text.lower()):
        return says(
            f"{where} is encrypted with a KMS key that cannot be used now. The key must be enabled, and the identity "
            f"of {used} needs kms:Decrypt in its policy and in the key's."
        )
    if code in ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403"):
        needed = "s3:GetObjectVersion" if versioned else "s3:GetObject"
        return says(
            f"{where} may not be read by {used}. It needs {needed}, kms:Decrypt when the object is encrypted with a "
            "KMS key, and s3:ListBucket, without which S3 says this for an object that does not exist, too."
        )
    if code == "InvalidObjectState":
        return says(f"{where} lies in an archive storage class. Restore it, or keep definitions in S3 Standard.")
    if code in _BAD_CREDENTIALS or code in _OLD_CREDENTIALS:
        state = "have expired" if code in _OLD_CREDENTIALS else "are not valid"
        return says(f"{where} was not read: the credentials of {used} {state}. Renew them.")
    if code in _OTHER_REGION or status in (301, 307):
        region = headers.get("x-amz-bucket-region")
        hint = f" The bucket is in {region}." if region else ""
        return says(f"{where} was not read: the bucket is in another region.{hint} Set region_name of {used}.")
    if retryable:
        return says(f"{where} was not read: S3 is busy or in trouble. Try again later.")
    return says(f"{where} was not read: S3 refused with status {status}.")


def _from_botocore(error: Exception, where: str, aws_conn_id: str | None) -> SourceError:
    """From an exception that botocore raised by itself."""
    from botocore import exceptions

    used = connection_name(aws_conn_id)
    if isinstance(error, exceptions.SSLError):
        return SourceError(
            f"{where} was not read: the endpoint's certificate is not trusted ({error}). "
            f"Set the CA bundle: verify in {used}, or AWS_CA_BUNDLE."
        )
    if isinstance(error, exceptions.ProxyConnectionError):
        message = f"{where} was not read: the proxy is not reachable ({error}). Check HTTPS_PROXY and NO_PROXY."
        return SourceError(message, retryable=True)
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return SourceError(
            f"{where} was not read: S3 is not reachable ({error}). Check the network, and endpoint_url and region_name "
            f"of {used}.",
            retryable=True,
        )
    if isinstance(error, exceptions.IncompleteReadError | exceptions.ChecksumError | exceptions.FlexibleChecksumError):
        return SourceError(f"{where} did not arrive whole ({error}). Try again.", retryable=True)
    credentials = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.ProfileNotFound,
        exceptions.TokenRetrievalError,
        exceptions.SSOError,
    )
    if isinstance(error, credentials):
        return SourceError(
            f"{where} was not read: no credentials by {used} ({error}). Set a key or a role in the connection, or give "
            "the worker an identity (IRSA, pod identity, instance profile).",
            retryable=isinstance(error, exceptions.CredentialRetrievalError),
        )
    return SourceError(f"{where} was not read: {error} Check the bucket's name, the key and {used}.")
