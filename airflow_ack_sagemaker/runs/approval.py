"""Approving and rejecting a version of the model registry, by a change of its resource."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.lifecycle.registry import (
    APPROVED,
    LABEL_GROUP,
    PENDING,
    REJECTED,
    ModelVersion,
    approval_patch,
    version_name,
    version_of,
)
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import answered, change_note, pause_before_change
from airflow_ack_sagemaker.core.resource.identity import label_value
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.kube.errors import Conflict, Forbidden, KindNotInstalled, KubeError
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.registry import PACKAGE, RegistryError, live_version, until

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.run.deadlines import Deadlines
    from airflow_ack_sagemaker.kube.client import KubeClient

_ROUNDS, _PATIENT_ROUNDS = 20, 3
"""Each round loses to another writer at most once."""


class WasRejected(RegistryError):
    """Somebody has rejected the version, which no rule takes back. The message says who, and what to do."""


def decide_on(
    client: KubeClient,
    name: str,
    namespace: str,
    *,
    approved: bool,
    description: str,
    by_rule: bool = False,
    arn: str | None = None,
    deadlines: Deadlines,
    log: Log,
    sleep: Callable[[float], None] = time.sleep,
) -> ModelVersion:
    """Approve or reject a version, and wait until the controller has answered. An approval that SageMaker does not get
    is taken back: the resource would count as approved, and be served.

    :param by_rule: nobody was asked: then it does not approve what somebody has rejected, before or meanwhile.
    :param arn: of the version that is meant; None: whichever the resource is of.
    :raises WasRejected: it is left as it is.
    :raises RegistryError: it is refused, or takes too long, or the resource is of another version.
    """
    word = APPROVED if approved else REJECTED
    former: dict[str, Any] | None = None
    for number in range(_ROUNDS):
        live = client.get(PACKAGE, name, namespace)
        live_version(live, "decided on")
        _check_is_of(live, arn)
        if approved and by_rule:
            _check_may_be_approved(live)
        has, said = (fields.text(fields.spec(live), key) for key in ("modelApprovalStatus", "approvalDescription"))
        refused = classify(live).state is State.REFUSED
        if has == word and answered(live) and not refused:
            log.info("modelpackage/%s is %s already.", name, word)
            break
        patch = approval_patch(approved=approved, description=description, unlike=said if refused else None)
        if number < _PATIENT_ROUNDS:  # a controller that writes again and again leaves no pause, and answers anyway
            sleep(pause_before_change(live, None).total_seconds())
        metadata = {"resourceVersion": fields.version(live), "annotations": change_note(live)}
        try:
            client.patch(PACKAGE, name, {"metadata": metadata, **patch}, namespace)
        except Conflict:
            continue
        log.info("modelpackage/%s: %s (%s).", name, word, description)
        # What was refused before is not known to have been anything else.
        former = {"modelApprovalStatus": PENDING if has in (None, word) else has, "approvalDescription": said}
        break

    def take_back(outcome: Outcome) -> None:
        if approved and former is not None:
            _take_back(client, name, namespace, former, log=log, sleep=sleep)

    seen = until(client, name, namespace, deadlines, _is_taken, given_up=take_back)
    _check_is_of(seen, arn)
    version = live_version(seen, "decided on")
    if approved and by_rule:
        _check_may_be_approved(seen)
    if version is None or version.approval != word:
        raise RegistryError(f"modelpackage/{name} was changed by somebody else meanwhile: look at it, then retry.")
    return version


def check_not_rejected(client: KubeClient, arn: str, namespace: str, *, log: Log) -> None:
    """Refuse to serve a version that somebody has rejected, as its resource says; one that has none may be served.

    :raises SpecError: it was rejected.
    :raises KubeError: the cluster cannot be asked.
    """
    named = version_name(arn)
    if named is None:
        return
    try:
        found = client.list(PACKAGE, namespace, label_selector=f"{LABEL_GROUP}={label_value(named['group'])}").items
    except (Forbidden, KindNotInstalled) as error:
        log.info("Whether %s was rejected is not known: %s", arn, error)
        return
    for resource in found:
        version = version_of(resource)
        if version is not None and version.arn == arn and version.approval == REJECTED:
            raise SpecError(
                f"Version {version.name} was rejected{_why(resource)}: it is not rolled out, and what "
                f"serves stays. Approve modelpackage/{version.resource} first, or serve another version."
            )


def _take_back(
    client: KubeClient,
    name: str,
    namespace: str,
    former: Mapping[str, Any],
    *,
    log: Log,
    sleep: Callable[[float], None],
) -> None:
    """Have the resource say what it said before its approval, unless somebody has decided otherwise meanwhile."""
    try:
        for number in range(_ROUNDS):
            live = client.get(PACKAGE, name, namespace)
            if fields.text(fields.spec(live), "modelApprovalStatus") != APPROVED:
                return
            if number < _PATIENT_ROUNDS:
                sleep(pause_before_change(live, None).total_seconds())
            metadata = {"resourceVersion": fields.version(live), "annotations": change_note(live)}
            try:
                client.patch(PACKAGE, name, {"metadata": metadata, "spec": dict(former)}, namespace)
            except Conflict:
                continue
            log.warning(
                "modelpackage/%s says %s again: SageMaker has not got its approval.",
                name,
                former["modelApprovalStatus"],
            )
            return
    except KubeError as error:  # must not hide why it was not approved
        log.warning("modelpackage/%s still says %s, which SageMaker has not got: %s", name, APPROVED, error)


def _check_is_of(resource: Mapping[str, Any], arn: str | None) -> None:
    """:raises RegistryError: the resource is of another version than the one that is meant."""
    has = fields.arn(resource)
    if arn is not None and has is not None and has != arn:
        raise RegistryError(
            f"modelpackage/{fields.name(resource)} is of {has} by now, not of {arn}: it was deleted and made again. "
            "Register the version that is meant once more, then retry."
        )


def _check_may_be_approved(resource: Mapping[str, Any]) -> None:
    """:raises WasRejected: somebody has rejected it. A rule never does, so that this was no earlier try."""
    if fields.text(fields.spec(resource), "modelApprovalStatus") == REJECTED:
        raise WasRejected(
            f"modelpackage/{fields.name(resource)} was rejected{_why(resource)}, which no rule takes back: it is not "
            "approved. To serve it all the same, approve it (page Models, or ack-sagemaker approve "
            f"{fields.name(resource)}), then clear this task and those after it."
        )


def _why(resource: Mapping[str, Any]) -> str:
    """Who has decided on it, as it is written beside the decision."""
    why = fields.text(fields.spec(resource), "approvalDescription")
    return f" ({why})" if why else ""


def _is_taken(resource: Mapping[str, Any]) -> bool:
    return answered(resource) and classify(resource).state not in (State.REFUSED, State.RETRYING)
