"""Resources as the controller leaves them, for the tests of what is read from them."""

from __future__ import annotations

from typing import Any

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone"


def condition(
    name: str, status: str, message: str | None = None, reason: str | None = None, at: str | None = None
) -> dict[str, Any]:
    values = {"type": name, "status": status, "message": message, "reason": reason, "lastTransitionTime": at}
    return {key: value for key, value in values.items() if value is not None}


def resource(
    kind: str,
    *conditions: dict[str, Any],
    status: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    body = dict(status or {})
    if conditions:
        body["conditions"] = list(conditions)
    return {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": "abalone",
            "namespace": "ml",
            "uid": "u-1",
            "creationTimestamp": "2026-11-01T03:00:00Z",
            **metadata,
        },
        "spec": spec or {},
        **({"status": body} if body else {}),
    }


def pipeline(*conditions: dict[str, Any], said: str | None = None, **metadata: Any) -> dict[str, Any]:
    status = (
        {"ackResourceMetadata": {"arn": ARN, "region": "us-east-1", "ownerAccountID": "123456789012"}} if said else {}
    )
    return resource(
        "Pipeline", *conditions, status={**status, **({"pipelineStatus": said} if said else {})}, **metadata
    )


def execution(
    *conditions: dict[str, Any], said: str | None = None, reason: str | None = None, **metadata: Any
) -> dict[str, Any]:
    status: dict[str, Any] = {}
    if said:
        status["pipelineExecutionStatus"] = said
        status["ackResourceMetadata"] = {
            "arn": f"{ARN}/execution/abc",
            "region": "us-east-1",
            "ownerAccountID": "123456789012",
        }
    if reason:
        status["failureReason"] = reason
    return resource("PipelineExecution", *conditions, status=status, **metadata)


SYNCED = condition("ACK.ResourceSynced", "True", "Resource synced successfully", at="2026-11-01T03:00:01Z")
NOT_SYNCED = condition(
    "ACK.ResourceSynced", "False", "PipelineExecution is in Executing status.", at="2026-11-01T03:00:01Z"
)
UNKNOWN_SYNC = condition("ACK.ResourceSynced", "Unknown", at="2026-11-01T03:00:01Z")
READY = condition("Ready", "True")
NOT_READY = condition("Ready", "False")


def recoverable(message: str) -> dict[str, Any]:
    return condition("ACK.Recoverable", "True", message)


def terminal(message: str, reason: str | None = None) -> dict[str, Any]:
    return condition("ACK.Terminal", "True", message, reason)
