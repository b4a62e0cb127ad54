"""What a client may do, and who it is. There is one user, who may do everything."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import errors
from airflow_ack_sagemaker.sandbox.apiserver.decoding import Target

Object = dict[str, Any]

USER = "ack-sagemaker-sandbox"
_GROUPS = ["system:masters", "system:authenticated"]


def answer(target: Target, body: Object, token: str) -> Object:
    """The review with its status.

    :param token: the one that is the user's.
    :raises ApiFailure: 422, the review asks nothing, or of nobody; 400, it is of another namespace.
    """
    spec, kind = body.get("spec") or {}, target.resource.kind
    metadata = {**body["metadata"]}
    if kind == "SelfSubjectReview":
        status: Object = {"userInfo": {"username": USER, "groups": _GROUPS}}
    elif kind == "TokenReview":
        if not spec.get("token"):
            raise errors.bad_request("token is required for TokenReview in authentication")
        status = {"user": {}, "error": "invalid bearer token"}
        if spec["token"] == token:
            status = {"authenticated": True, "user": {"username": USER, "groups": _GROUPS}}
    elif kind == "SelfSubjectRulesReview":
        if not spec.get("namespace"):
            raise errors.bad_request("no namespace on request")
        spec = {}
        status = {
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
    else:
        _check(target, spec)
        # Nobody but members of this group has been given any right.
        allowed = kind == "SelfSubjectAccessReview" or "system:masters" in (spec.get("groups") or [])
        status = {"allowed": allowed}
    # A review is not stored: it has no name, nor a namespace of its own.
    asked = {} if kind == "SelfSubjectReview" else {"spec": spec}
    return {**body, "metadata": metadata, **asked, "status": status}


def _check(target: Target, spec: Object) -> None:
    kind = target.resource.kind
    causes = []
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        causes.append(errors.invalid_value("spec.nonResourceAttributes", '"object"', detail))
    if resource is None and other is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        causes.append(errors.invalid_value("spec", "null", detail))
    if kind != "SelfSubjectAccessReview" and not spec.get("user") and not spec.get("groups"):
        causes.append(errors.invalid_value("spec.user", '""', "at least one of user or group must be specified"))
    if kind == "LocalSubjectAccessReview":
        if other is not None:
            causes.append(errors.forbidden_value("spec.nonResourceAttributes", "disallowed on this kind of request"))
        elif resource is not None and resource.get("namespace", "") != target.namespace:
            detail = "must match metadata.namespace"
            causes.append(errors.invalid_value("spec.resourceAttributes.namespace", "", detail))
    if causes:
        raise errors.invalid(target.resource, "", causes)
