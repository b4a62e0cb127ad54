"""The failures of the API: ``Status`` objects in the words of kube-apiserver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of an ``Invalid`` answer: the machine's reason, the message and the path of the field."""

    reason: str
    message: str
    field: str

    def as_dict(self) -> dict[str, str]:
        """The cause as it stands in ``Status.details.causes``."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def required(field: str, detail: str = "") -> Cause:
    """A required field is missing."""
    return Cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", field)


def invalid_value(field: str, shown: str, detail: str) -> Cause:
    """A field has a value that it must not have; ``shown`` is the value as Go prints it (a string in quotes)."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {detail}", field)


def forbidden_value(field: str, detail: str) -> Cause:
    """A field must not be set here."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def not_supported(field: str, shown: str, choices: Sequence[str]) -> Cause:
    """A field's value is none of the choices."""
    listed = ", ".join(f'"{choice}"' for choice in choices)
    return Cause("FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {listed}", field)


class ApiFailure(Exception):
    """A request that is answered with a ``Status`` of failure.

    ``code`` is the HTTP status, ``reason`` the machine-readable reason ("" where the server gives none).
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.list_token = ""
        self.warnings: list[str] = []

    def as_status(self) -> dict[str, Any]:
        """The body of the answer."""
        metadata = {"continue": self.list_token} if self.list_token else {}
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


class PageNotFound(Exception):
    """A path that no handler serves: answered with the plain text ``404 page not found``."""


def _details(resource: Resource, name: str = "", *, kind: str = "") -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = kind or resource.plural
    return details


def not_found(resource: Resource, name: str) -> ApiFailure:
    """No object has this name."""
    return ApiFailure(404, "NotFound", f'{resource.qualified} "{name}" not found', details=_details(resource, name))


def already_exists(resource: Resource, name: str, *, deleting: bool = False) -> ApiFailure:
    """Another object has this name, and perhaps is being deleted."""
    prefix = "object is being deleted: " if deleting else ""
    return ApiFailure(
        409, "AlreadyExists", f'{prefix}{resource.qualified} "{name}" already exists', details=_details(resource, name)
    )


def conflict(resource: Resource, name: str, why: str = "") -> ApiFailure:
    """The object is no longer what the request took it for."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return ApiFailure(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}',
        details=_details(resource, name),
    )


def forbidden(resource: Resource, name: str, why: str) -> ApiFailure:
    """Nobody may do this."""
    return ApiFailure(
        403, "Forbidden", f'{resource.qualified} "{name}" is forbidden: {why}', details=_details(resource, name)
    )


def namespace_ends(resource: Resource, namespace: str, name: str) -> ApiFailure:
    """The namespace is being deleted: nothing new can be made in it."""
    cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
    return ApiFailure(
        403,
        "Forbidden",
        f'{resource.qualified} "{name}" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated",
        details={**_details(resource, name), "causes": [cause.as_dict()]},
    )


def precondition_failed(resource: Resource, name: str, what: str, wanted: str, found: str, hint: str) -> ApiFailure:
    """A precondition of a deletion does not hold."""
    return ApiFailure(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified_kind} "{name}": the {what} in the precondition '
        f"({wanted}) does not match the {what} in record ({found}). {hint}",
        details=_details(resource, name, kind=resource.kind),
    )


def bad_request(message: str) -> ApiFailure:
    """The request makes no sense."""
    return ApiFailure(400, "BadRequest", message)


def _invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiFailure:
    said = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    title = f"{kind}.{group}" if group else kind
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = kind
    details["causes"] = [cause.as_dict() for cause in causes]
    return ApiFailure(422, "Invalid", f'{title} "{name}" is invalid: {text}', details=details)


def invalid(resource: Resource, name: str, causes: Sequence[Cause], *, kind: str = "") -> ApiFailure:
    """The object breaks the rules of its kind."""
    return _invalid(resource.group, kind or resource.kind, name, causes)


def invalid_options(kind: str, *causes: Cause) -> ApiFailure:
    """The query parameters (or the delete options) break their rules; ``kind`` is PatchOptions, ListOptions, ..."""
    return _invalid("meta.k8s.io", kind, "", causes)


def invalid_patch(value: str, detail: str) -> ApiFailure:
    """The patched object does not decode; kube-apiserver shows the whole object."""
    cause = invalid_value("patch", value, detail)
    return ApiFailure(
        422,
        "Invalid",
        f' "" is invalid: {cause.field}: {cause.message}',
        details={"causes": [cause.as_dict()]},
    )


def unprocessable() -> ApiFailure:
    """A JSON patch that does not fit the object: kube-apiserver does not say which operation."""
    return ApiFailure(422, "Invalid", "the server rejected our request due to an error in our request", details={})


def internal(message: str) -> ApiFailure:
    """A failure that kube-apiserver passes on without a reason."""
    return ApiFailure(500, "", message)


def without_api_version() -> ApiFailure:
    """A patch has taken an object's apiVersion away."""
    message = "Object 'apiVersion' is missing in 'object has no apiVersion field'"
    causes = [{"message": message}]
    return ApiFailure(500, "InternalError", f"Internal error occurred: {message}", details={"causes": causes})


def unauthorized() -> ApiFailure:
    """No token, or a wrong one."""
    return ApiFailure(401, "Unauthorized", "Unauthorized")


def unsupported_media(accepted: Sequence[str]) -> ApiFailure:
    """The body's content type is none that the resource takes."""
    return ApiFailure(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}",
    )


def not_acceptable() -> ApiFailure:
    """None of the media types in Accept can be served."""
    return ApiFailure(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf",
    )


def no_such_method() -> ApiFailure:
    """No handler of the path has this method."""
    return ApiFailure(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
    )


def method_not_allowed(resource: Resource, verb: str) -> ApiFailure:
    """The resource does not have this verb."""
    return ApiFailure(
        405,
        "MethodNotAllowed",
        f'{verb} is not supported on resources of kind "{resource.qualified}"',
        details=_details(resource),
    )


def no_such_resource() -> ApiFailure:
    """A path under the core API that names no resource."""
    return ApiFailure(404, "NotFound", "the server could not find the requested resource", details={})


def too_large(limit: int) -> ApiFailure:
    """The request's body is over the limit (bytes)."""
    return ApiFailure(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def expired(message: str) -> ApiFailure:
    """A resourceVersion or a continue token of the past that is no longer kept."""
    return ApiFailure(410, "Expired", message)


def nameless(name: str) -> ApiFailure:
    """The body names no object; ``name`` is the path's."""
    return bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
