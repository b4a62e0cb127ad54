"""What can go wrong between Airflow and a Kubernetes API server.

Every message says which cluster, what was tried, what the server answered and what to do about it: it is read in a
task's log by somebody who does not know this code. No message contains a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.errors import AckError


class KubeError(AckError):
    """Anything that this package raises when it speaks to a cluster."""


class ConfigError(KubeError):
    """The connection, kubeconfig or service account cannot be used as it is."""


class Moved(ConfigError):
    """The connection leads to another cluster now than when it was read first."""


class CredentialsError(ConfigError):
    """A credential could not be obtained now: a token file is not there, an exec plugin failed. A later try may
    succeed.
    """


class Unreachable(KubeError):
    """No usable answer came back: refused, no such host, TLS failure, time-out, connection lost.

    ``sent`` is True when the request may have reached the server, so that it may have been carried out. Only for a
    create does it matter, which is not repeated then: look for the object by its name.
    """

    def __init__(self, text: str, *, sent: bool = False) -> None:
        super().__init__(text)
        self.sent = sent


class Silent(Unreachable):
    """Nothing was heard for too long: no answer, or of a watch neither an event nor a bookmark."""


class TooLarge(KubeError):
    """An answer is longer than what may be read at once."""


class ApiError(KubeError):
    """The API server answered with an error.

    ``status`` is the HTTP status, ``reason`` and ``message`` are those of the server's ``Status`` object ("" where it
    sent none), ``details`` its ``details``, ``retry_after`` the seconds after which the server wants to be asked again
    (None: not said; never more than a minute). ``foreign``: it sent no ``Status``, so that the words are those of
    whatever answers there.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int = 0,
        reason: str = "",
        message: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        foreign: bool = False,
    ) -> None:
        super().__init__(text)
        self.foreign = foreign
        self.status = status
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.retry_after = retry_after


class NotFound(ApiError):
    """The object (or the namespace that it should be created in) does not exist."""


class KindNotInstalled(ApiError):
    """The cluster does not know the kind: the controller's custom resource definitions are missing."""


class AlreadyExists(ApiError):
    """A create met an object of the same name."""


class Conflict(ApiError):
    """The object is not what the request supposed: another version, another uid, a field that somebody else owns."""


class Unauthorized(ApiError):
    """The server does not accept the credential, not even a renewed one."""


class Forbidden(ApiError):
    """The credential is good, but this is not allowed: by RBAC, or by what a subclass names."""


class NamespaceTerminating(Forbidden):
    """The namespace is being deleted: nothing can be created in it."""


class QuotaExceeded(Forbidden):
    """A ResourceQuota of the namespace is used up."""


class AdmissionDenied(Forbidden):
    """An admission webhook or a ValidatingAdmissionPolicy does not let the request through."""


class Gone(ApiError):
    """The version that a list or watch wanted to go on from is too old: list again."""


class Invalid(ApiError):
    """The server does not accept the object: unknown field, wrong type, missing field, too large."""


class TooManyRequests(ApiError):
    """The server asks to slow down."""


class ServerError(ApiError):
    """The server, or what stands before it, failed: HTTP 500 to 599."""
