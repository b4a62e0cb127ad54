"""How the end of a rollout is told: what was tried, why not, what serves, what to do."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_ack_sagemaker.core.lifecycle.standing import Reading, Rollout, Standing

_HEADLINES: Mapping[Standing, str] = {
    Standing.ROLLED_BACK: "was rolled back by SageMaker",
    Standing.ROLLED_BACK_SILENTLY: "was rolled back by SageMaker, without a reason",
    Standing.NO_CAPACITY: "got no machines",
    Standing.CREATION_FAILED: "could not be made: it is the first one of this endpoint",
    Standing.BROKEN: "failed, and so did its rollback",
    Standing.REPLACED: "was given up: somebody else has changed the endpoint meanwhile",
    Standing.REFUSED: "was refused for good by the ACK controller (ACK.Terminal)",
    Standing.GONE: "has no end: the endpoint is gone",
    Standing.UPDATING: "has not come to an end",
}
_REMEDIES: Mapping[Standing, str] = {
    Standing.ROLLED_BACK: (
        "look at the container's log (CloudWatch, /aws/sagemaker/Endpoints/{endpoint}) and correct the model. A retry "
        "rolls it out under a new name: SageMaker's controller refuses this one for good."
    ),
    Standing.ROLLED_BACK_SILENTLY: (
        "look at the alarms of deployment_config and at the endpoint's events: an alarm that went off leaves no "
        "reason, nor do machines that were not to be had. A retry rolls it out under a new name."
    ),
    Standing.NO_CAPACITY: (
        "take another instance type, fewer instances or another region, raise the quota, or let the task be retried "
        "later: capacity comes and goes."
    ),
    Standing.CREATION_FAILED: (
        "correct the model or the configuration. A retry deletes the failed endpoint, of which SageMaker takes no "
        "update, and creates it again."
    ),
    Standing.BROKEN: "a person must look at the endpoint in SageMaker: update it again, or delete and create it.",
    Standing.REPLACED: "let one writer own an endpoint (kubectl get --show-managed-fields says who), then retry.",
    Standing.REFUSED: "correct what the message says and run it again.",
    Standing.GONE: "find out who deleted it (the API server's audit log knows); a retry creates it anew.",
}


def told(reading: Reading, rollout: Rollout, *, model: str | None, now: str) -> str:
    """The end of a rollout that has not succeeded, as one text.

    :param model: what was to serve, for people.
    :param now: what serves now, as `serving_now` says it.
    """
    outcome = reading.outcome
    tried = f"configuration {rollout.config}" + (f" (model {model})" if model else "")
    lines = [
        f"{outcome.resource}: the rollout of {tried} {_HEADLINES.get(reading.standing, 'failed')}.",
        f"Reason: {outcome.reason or 'SageMaker gives none'}",
        now,
    ]
    remedy = _REMEDIES.get(reading.standing)
    if remedy:
        lines.append(f"To do: {remedy.format(endpoint=outcome.name)}")
    return "\n".join(lines)


def serving_now(config: str | None, *, model: str | None = None, confirmed: bool = True) -> str:
    """The line that says what serves.

    :param config: the configuration; None: none does, or it is not known.
    :param confirmed: whether the endpoint itself has said so since; else it is what was known before.
    """
    if config is None:
        return "Serves now: nothing, or it is not known; the endpoint's page in SageMaker tells."
    said = f"Serves now: configuration {config}" + (f" (model {model})" if model else "")
    return f"{said}." if confirmed else f"{said}, as far as is known: the endpoint has not confirmed it."
