"""What a Pipeline's status does not tell, SageMaker does: whether it has what the resource asks for.

Who has not changed the resource himself cannot tell by the times of the writes whether an answer is still to come
(`core.resource.freshness`, `core.run.described`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.described import is_as_asked
from airflow_ack_sagemaker.kube.log import Log

Describe = Callable[[str, str | None], Mapping[str, Any] | None]
"""DescribePipeline, given an ARN and the region (None: not known); None: SageMaker is not asked. May raise anything."""


class SageMakersWord:
    """Reads outcomes of a Pipeline as `core.resource.freshness.observe` does; where only the time of the status speaks
    against a success, by DescribePipeline. That SageMaker cannot be asked is said once, and changes nothing.
    """

    def __init__(self, describe: Describe, log: Log) -> None:
        self._describe = describe
        self._log = log
        self._askable = True
        self._told = False

    def observe(self, resource: Mapping[str, Any]) -> Outcome:
        """How it stands."""
        outcome, said = observe(resource), classify(resource)
        unanswered = outcome.state is State.UNSEEN and said.state is State.SUCCEEDED
        if not unanswered or not self._askable or not self._has_it(resource, said):
            return outcome
        if not self._told:
            self._told = True
            self._log.info(
                "%s: its status is from before the last change; SageMaker has what it asks for.", said.resource
            )
        return said

    def __call__(self, resource: Mapping[str, Any] | None, last: Outcome) -> Outcome:
        """As `follow.until.Judge`."""
        return gone(last) if resource is None else self.observe(resource)

    def _has_it(self, resource: Mapping[str, Any], said: Outcome) -> bool:
        if said.arn is None:
            return False
        try:
            described = self._describe(said.arn, said.region)
        except Exception as error:  # whatever AWS or its credentials say: the resource is followed all the same
            self._askable = False
            self._log.warning(
                "Whether SageMaker has %s as it is cannot be asked (DescribePipeline): %s", said.resource, error
            )
            return False
        if described is None:
            self._askable = False
            return False
        return described.get("PipelineArn") == said.arn and is_as_asked(fields.spec(resource), described)
