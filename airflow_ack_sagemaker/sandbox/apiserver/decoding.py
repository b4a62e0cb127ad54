"""What a write is about, and the object in its body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from airflow_ack_sagemaker.sandbox.apiserver import errors, metadata
from airflow_ack_sagemaker.sandbox.apiserver.builtin import decoded
from airflow_ack_sagemaker.sandbox.apiserver.definitions import decoded as decoded_crd
from airflow_ack_sagemaker.sandbox.apiserver.definitions import misfit as crd_misfit
from airflow_ack_sagemaker.sandbox.apiserver.kinds import CRDS
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.schema import METADATA, prune
from airflow_ack_sagemaker.sandbox.apiserver.store import Object
from airflow_ack_sagemaker.sandbox.apiserver.typed import misfit

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(slots=True)
class Options:
    """What the query says of a write, and the warnings that its answer shall carry.

    ``tracked`` says whether managed fields are kept of a new object.
    """

    manager: str
    validation: str = "Warn"
    dry_run: bool = False
    force: bool = False
    tracked: bool = True
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: a resource, perhaps of one namespace, perhaps one name, perhaps its status."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The key in the store."""
        return self.namespace, self.name


def timestamp(moment: datetime) -> str:
    """The moment as Kubernetes writes it: UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def decode(
    target: Target, body: Object, options: Options, *, refuse: Callable[[str], Exception] | None = None
) -> Object:
    """The object in a request's body: of the right kind, without null and unknown fields.

    ``refuse`` makes the failure of an object that does not decode from what is wrong with it.
    """
    resource = target.resource
    if not resource.custom:
        # The path of a built-in kind says what its body is.
        body = {**body, "kind": body.get("kind") or resource.kind, "apiVersion": body.get("apiVersion") or ""}
        body["apiVersion"] = body["apiVersion"] or resource.api_version

    def unfit(message: str) -> Exception:
        if refuse:
            return refuse(message)
        title = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
        return errors.bad_request(f"{title}: {message}")

    if body.get("apiVersion") != resource.api_version:
        raise errors.bad_request(
            f"the API version in the data ({body.get('apiVersion', '')}) does not match the expected API version "
            f"({resource.api_version})"
        )
    meta = body.get("metadata") or {}
    if message := metadata.wrong_shape(resource, meta):
        raise unfit(message)
    if body["kind"] != resource.kind and not resource.custom:
        raise errors.bad_request(
            f'{body["kind"]} in version "{resource.version}" cannot be handled as a {resource.kind}: converting '
            f"({resource.version}.{body['kind']}) to (core.{resource.kind}): unknown conversion"
        )
    if body["kind"] != resource.kind:
        cause = errors.invalid_value("kind", f'"{body["kind"]}"', f"must be {resource.kind}")
        raise errors.invalid(resource, meta.get("name", ""), [cause], kind=body["kind"])
    if not resource.custom and (message := crd_misfit(body) if resource is CRDS else misfit(resource, body)):
        raise unfit(message)
    unknown: list[str] = []
    obj: Object = prune(body, resource.schema, unknown)
    obj["metadata"] = metadata.tidy(prune(meta, METADATA, [], "metadata"))
    if unknown and options.validation != "Ignore":
        said = [f'unknown field "{path}"' for path in sorted(unknown)]
        if options.validation == "Strict":
            raise unfit(f"strict decoding error: {', '.join(said)}")
        options.warnings.extend(said)
    place(target, obj)
    if resource is CRDS:
        return decoded_crd(obj)
    return obj if resource.custom else decoded(resource, obj)


def place(target: Target, obj: Object) -> None:
    """Put the object where the request says, or refuse one that says otherwise of itself.

    :raises ApiFailure: 400, another name or namespace than that of the path.
    """
    meta = obj["metadata"]
    if target.name and meta.get("name", target.name) != target.name:
        raise errors.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
        )
    if target.resource.namespaced:
        if meta.get("namespace", target.namespace) != target.namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = target.namespace
