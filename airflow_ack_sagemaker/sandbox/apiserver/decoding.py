"""What a write is about, and the object in its body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from airflow_ack_sagemaker.sandbox.apiserver import errors, metadata
from airflow_ack_sagemaker.sandbox.apiserver.builtin import decoded, misfit
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.schema import METADATA, decoder_type, prune
from airflow_ack_sagemaker.sandbox.apiserver.store import Object

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
    meta = {} if body.get("metadata") is None else body["metadata"]
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
    if not resource.custom and (message := misfit(resource, body)):
        raise unfit(message)
    # In Go, null is the empty text.
    for name in ("labels", "annotations"):
        if meta.get(name):
            meta = {**meta, name: {key: "" if value is None else value for key, value in meta[name].items()}}
    unknown: list[str] = []
    obj: Object = prune(body, resource.schema, unknown)
    obj["metadata"] = metadata.tidy(prune(meta, METADATA, [], "metadata"))
    if unknown and options.validation != "Ignore":
        said = [f'unknown field "{path}"' for path in sorted(unknown)]
        if options.validation == "Strict":
            raise unfit(f"strict decoding error: {', '.join(said)}")
        options.warnings.extend(said)
    place(target, obj)
    return obj if resource.custom else decoded(resource, obj)


def check_put(target: Target, meta: Object) -> None:
    """Make the metadata of an object that a PUT brings, and that is not there yet, that of a new one.

    :raises ApiFailure: 400, it has no name; 409, it speaks of another object.
    """
    if not meta.get("name"):
        raise errors.nameless(target.name)
    if uid := meta.get("uid"):
        place = f"/registry/{target.resource.plural}/{target.namespace}/{target.name}"
        problem = f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
        detail = f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: "
        raise errors.conflict(target.resource, target.name, detail + problem)
    meta.pop("resourceVersion", None)


def check_patched_type(target: Target, patched: Object, refuse: Callable[[str], Exception]) -> None:
    """Refuse an object of which a patch has made something else than its kind.

    :raises ApiFailure: 422 or 500, as kube-apiserver has it.
    """
    resource = target.resource
    for name in ("apiVersion", "kind"):
        value = patched.get(name)
        if value is not None and not isinstance(value, str):
            raise refuse(
                f"couldn't get version/kind; json parse error: json: cannot unmarshal {decoder_type(value)} into Go "
                f"struct field .{name} of type string"
            )
    version, kind = patched.get("apiVersion") or "", patched.get("kind") or ""
    if not resource.custom:
        if (version, kind or resource.kind) != (resource.api_version, resource.kind):
            raise refuse(
                f'no kind "{kind or resource.kind}" is registered for version "{version}" in scheme '
                '"pkg/runtime/scheme.go:111"'
            )
        return
    if not version:
        raise errors.without_api_version()
    if not kind:
        raise refuse("Object 'Kind' is missing in the patched object")
    if version != resource.api_version:
        cause = errors.invalid_value("apiVersion", f'"{version}"', f"must be {resource.api_version}")
        raise errors.invalid(replace(resource, group=version.rpartition("/")[0]), target.name, [cause])


def note_repeated(target: Target, said: list[str], options: Options, media: str) -> None:
    """Warn of what stands more than once in a body, or refuse it, as the request wants it.

    :param media: the body's media type: each kind of patch has words of its own.
    :raises ApiFailure: 400 or 422, validation is strict.
    """
    if not said or options.validation == "Ignore":
        return
    if options.validation != "Strict":
        options.warnings.extend(said)
        return
    lines = "yaml: unmarshal errors:\n  " + "\n  ".join(said)
    if media == APPLY_PATCH:
        raise errors.bad_request(f"error strict decoding patch: error converting YAML to JSON: {lines}")
    if media in (MERGE_PATCH, STRATEGIC_PATCH, JSON_PATCH):
        raise errors.invalid_patch('"{}"', f"strict decoding error: {', '.join(said)}")
    kind, version = target.resource.kind, target.resource.version
    what = ", ".join(said) if said[0].startswith("duplicate") else lines
    raise errors.bad_request(
        f'{kind} in version "{version}" cannot be handled as a {kind}: strict decoding error: {what}'
    )


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
