"""The errors of the SageMaker API, as this endpoint answers them."""

from __future__ import annotations


class AwsError(Exception):
    """An error answer: ``code`` becomes the ``__type``, ``message`` the message, ``status`` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def not_found(message: str) -> AwsError:
    """Something that is named in a request does not exist. SageMaker answers 400 here, not 404."""
    return AwsError("ResourceNotFound", message)


def invalid(message: str) -> AwsError:
    """A request that SageMaker does not accept as it is."""
    return AwsError("ValidationException", message)


def conflict(message: str) -> AwsError:
    """A request that cannot be served in the present state."""
    return AwsError("ConflictException", message)


def unknown_operation(operation: str) -> AwsError:
    """An operation that is not served here."""
    return AwsError("UnknownOperationException", f"The operation {operation} is not served by the sandbox.")


_STATUS = {"InternalFailure": 500, "InternalServerException": 500, "ServiceUnavailable": 503}


def scripted(code: str, message: str) -> AwsError:
    """The error that a script asks for."""
    return AwsError(code, message, _STATUS.get(code, 400))
