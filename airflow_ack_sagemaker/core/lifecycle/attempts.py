"""Which attempt of a rollout a try of a task goes on with, and when there is nothing to roll out.

The configurations of a run tell: each attempt has one, with what was asked for, which try made it, what served then,
and whether its end was told to Airflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_FORMER, ANNOTATION_SERVES
from airflow_ack_sagemaker.core.lifecycle.standing import serving_config
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_ASKED, LABEL_ATTEMPT, RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Relation, Try, relation_of
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.core.run.reported import is_reported


class Action(StrEnum):
    """What a try does."""

    ROLL_OUT = "roll out"
    """A new attempt."""
    ATTACH = "attach"
    """Go on with the attempt that an earlier try has begun."""
    NOTHING = "nothing"
    """What is asked for serves already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a try does: its attempt, and the configuration that serves now (None: none, or it is not known).

    ``recreate``: the endpoint's creation has failed, and SageMaker takes no update of such a one: it must go first.
    """

    action: Action
    attempt: int
    former: str | None
    why: str
    recreate: bool = False


def plan(
    endpoint: Resource | None,
    configs: Sequence[Resource],
    serving: Resource | None,
    *,
    asked: str,
    identity: RunIdentity,
    tried: Try,
    first_attempt: int = 1,
) -> Plan:
    """What this try does.

    :param endpoint: the endpoint's resource; None: it is not there.
    :param configs: the configurations with the label of this run.
    :param serving: the configuration that serves now; None: none, or it is not in the cluster.
    :param asked: digest of what is to serve (`EndpointSpec.asked`).
    :param first_attempt: number of the attempt where the cluster has none.
    """
    own = sorted((config for config in configs if identity.owns(config)), key=attempt_of)
    last = own[-1] if own else None
    failed = endpoint is not None and classify(endpoint).sagemaker_status == "Failed"
    number = max(attempt_of(last) + 1 if last is not None else 1, first_attempt)
    if last is not None and _goes_on(last, asked, tried):
        wanted = fields.text(fields.spec(last), "endpointConfigName")
        of_another = endpoint is not None and fields.text(fields.spec(endpoint), "endpointConfigName") != wanted
        former = fields.annotation(last, ANNOTATION_FORMER)
        why = f"attempt {attempt_of(last)} was begun by an earlier try of this run"
        return Plan(Action.ATTACH, attempt_of(last), former, why, recreate=failed and of_another)
    serves = serving_config(endpoint)
    if serves is not None and _serves_it(endpoint, serving, serves, asked):
        if last is not None and fields.name(last) == serves.lower() and relation_of(last, tried) is Relation.SAME_RUN:
            # No retry follows a success that Airflow knows: the result has what served before, to go back to.
            former = fields.annotation(last, ANNOTATION_FORMER)
            return Plan(Action.ATTACH, attempt_of(last), former, f"an earlier try of this run has rolled out {serves}")
        return Plan(Action.NOTHING, attempt_of(serving) if serving else 0, serves, f"{serves} serves just that")
    if serves is None and endpoint is not None and not failed:
        # It is being updated: what this package has written down last.
        serves = fields.annotation(endpoint, ANNOTATION_SERVES)
    if last is None:
        why = "the endpoint is new" if endpoint is None else "it is to serve something else"
    else:
        why = f"attempt {attempt_of(last)} is over"
    return Plan(Action.ROLL_OUT, number, serves, why, recreate=failed)


def attempt_of(config: Resource) -> int:
    """The number of the attempt that a configuration was made for; 0 where it was not made by us."""
    label = fields.label(config, LABEL_ATTEMPT)
    return int(label) if label.isascii() and label.isdigit() else 0


def _goes_on(last: Resource, asked: str, tried: Try) -> bool:
    return (
        not is_reported(last)
        and fields.deleted(last) is None
        and fields.annotation(last, ANNOTATION_ASKED) == asked
        and relation_of(last, tried) is Relation.SAME_RUN
    )


def _serves_it(endpoint: Resource | None, serving: Resource | None, serves: str, asked: str) -> bool:
    if endpoint is None or serving is None or classify(endpoint).state is not State.SUCCEEDED:
        return False
    return (
        fields.text(fields.spec(serving), "endpointConfigName") == serves
        and fields.annotation(serving, ANNOTATION_ASKED) == asked
    )
