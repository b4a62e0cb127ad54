"""What the API server says about itself, and what the user of a connection may do (SelfSubjectAccessReview)."""

from __future__ import annotations

import json

from airflow_ack_sagemaker.core.resource.kinds import GROUP, PIPELINE, Kind
from airflow_ack_sagemaker.kube.requests import Request


class AccessReview(Request):
    """The question whether this user may do something; answered to everybody."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """Path below the server's URL."""
        return "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    def __str__(self) -> str:
        return f"ask for permissions on {self.kind.plural} in {self.namespace}"


def review(kind: Kind, verb: str, namespace: str) -> AccessReview:
    """Ask whether ``verb`` is allowed on the objects of a namespace."""
    attributes = {"group": GROUP, "resource": kind.plural, "verb": verb, "namespace": namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return AccessReview("review", "create", "POST", kind, namespace, content=json.dumps(body).encode())


class Document(Request):
    """A document of the API server that is no object of a kind of ours; its path stands in place of a name."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """Path below the server's URL."""
        return self.name

    def __str__(self) -> str:
        return f"get {self.name}"


def document(path: str) -> Document:
    """Read what stands under a path, for example ``/version``."""
    return Document("get", "get", "GET", PIPELINE, "", path)
