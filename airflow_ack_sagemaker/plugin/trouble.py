"""What went wrong, for viewers: a class and a remedy.

The words of an error carry what an exec plugin printed, what a server answered, and where it is. They go to the log,
and to those who may read connections; a reader of a DAG gets the class. What answers instead of a Kubernetes API server
is quoted in the log only: whoever edits a connection would read the pages of a network that only the API server sees.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.kube import errors
from airflow_ack_sagemaker.plugin.masker import MASKER

log = logging.getLogger(__name__)

_LOGGED = "The API server's log says what was wrong."
_CONNECTION = "The connection cannot be used as it is: whoever may edit connections must correct it."
_CLASSES: tuple[tuple[type[Exception], str], ...] = (
    (errors.CredentialsError, "The connection's credential cannot be obtained now: whoever keeps it must renew it."),
    (errors.ConfigError, _CONNECTION),
    (errors.Unreachable, "The cluster is not reachable from the API server: look at the network between them."),
    (errors.Unauthorized, "The cluster does not accept the connection's credential: whoever keeps it must renew it."),
    (
        errors.Forbidden,
        "The cluster does not allow the connection to do that: its user needs the rights of "
        "deploy/kubernetes/rbac.yaml, and for models and endpoints of rbac-page-lifecycle.yaml.",
    ),
    (errors.KindNotInstalled, "The cluster does not know the kinds of the ACK SageMaker controller: install it."),
    (errors.NotFound, "The cluster has no such object."),
    (errors.TooManyRequests, "The cluster has too many requests: the page asks again later."),
    (errors.ServerError, "The cluster has trouble of its own: the page asks again later."),
    (errors.KubeError, "The cluster has refused the request."),
    (AckError, _CONNECTION),
)
_SHOWN = 4_000
"""Characters of an error's words."""
_LONGEST_SECRET = 12_000
"""Characters of what must not be shown in part: an RSA key of 4,096 bits in base64 takes 4,400."""
_AWS_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")


@dataclass(frozen=True, slots=True)
class Trouble:
    """``said`` is for everybody who may look, ``detail`` for those who may read connections, ``words`` for the log."""

    said: str
    detail: str
    words: str = ""

    def shown(self, whole: bool) -> str:
        """The text for one who may, or may not, read connections."""
        return f"{self.said} ({self.detail})" if whole else f"{self.said} {_LOGGED}"

    def of(self, name: str) -> Trouble:
        """The same, of something with this name."""
        return Trouble(f"{name}: {self.said}", self.detail, self.words)


def trouble_of(error: Exception) -> Trouble:
    """What a cluster or its connection has raised."""
    cause = next((one for one in _causes(error) if isinstance(one, errors.KubeError)), error)
    said = next((text for kind, text in _CLASSES if isinstance(cause, kind)), "The cluster cannot be read.")
    words = _masked(str(error) or type(error).__name__)
    foreign = next((one for one in _causes(error) if isinstance(one, errors.ApiError) and one.foreign), None)
    if foreign is None:
        return Trouble(said, words)
    return Trouble(said, f"HTTP {foreign.status}, and not as a Kubernetes API server answers. {_LOGGED}", words)


def aws_trouble_of(error: Exception, aws_conn_id: str) -> Trouble:
    """What AWS or its connection has raised."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        code = str(details.get("Code"))
        shown = code if _AWS_CODE.fullmatch(code) else "an error"
        said = f"AWS answers {shown} ({error.operation_name}): the connection's identity may lack the right."
        detail = f"AWS says {code}: {details.get('Message')}"
    elif isinstance(error, NoCredentialsError | PartialCredentialsError):
        said, detail = (
            "The AWS connection gives no identity: whoever may edit connections must give it one.",
            str(error),
        )
    elif isinstance(error, BotoCoreError):
        said, detail = "AWS is not reachable, or did not answer in time.", str(error)
    elif isinstance(error, AckError):
        said, detail = _CONNECTION, str(error)
    else:
        said, detail = "AWS could not be asked.", str(error) or type(error).__name__
    return Trouble(f"AWS connection {aws_conn_id!r}: {said}", _masked(detail))


def logged(trouble: Trouble, before: Trouble | None = None) -> Trouble:
    """The trouble, which is in the log now; not again where it is what was there ``before``."""
    if trouble != before:
        log.warning("%s (%s)", trouble.said, trouble.words or trouble.detail)
    return trouble


def _masked(words: str) -> str:
    """The words without secrets, and no more of them than a viewer reads: a connection or an answer may make them any
    length, and this is done on the event loop.
    """
    masked = MASKER.text(words[: _SHOWN + _LONGEST_SECRET])
    if len(words) > _SHOWN + _LONGEST_SECRET:
        # A secret that was cut in two is not known for one any more, so what stands before the cut is dropped.
        masked = masked[:-_LONGEST_SECRET]
    elif len(masked) <= _SHOWN:
        return masked
    return f"{masked[:_SHOWN]}..."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
