"""Which definition has an execution run? A Pipeline is shared and changes, and SageMaker reads it at the start.

The cluster tells it by generations. A launch notes the Pipeline's generation. While the Pipeline still has that
generation after SageMaker has taken the execution, nobody can have changed the definition in between. Whoever changes
a definition through this package first writes on all executions of the present one that they have run it
(``ANNOTATION_RAN``). What neither shows is not known, and never counts as this run's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource, status_written
from airflow_ack_sagemaker.core.resource.freshness import generation_of, spec_unchanged_until
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_GENERATION, ANNOTATION_RAN
from airflow_ack_sagemaker.core.resource.status import Outcome


@dataclass(frozen=True, slots=True)
class FixedDefinition:
    """The definition that an execution must run: the one that its run has applied.

    ``sha256`` is the digest of its canonical text, ``resource_name`` the name of the Pipeline resource.
    """

    sha256: str
    resource_name: str

    def to_dict(self) -> dict[str, str]:
        """For a trigger's arguments."""
        return {"sha256": self.sha256, "resource_name": self.resource_name}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FixedDefinition:
        """What `to_dict` wrote."""
        return cls(sha256=data["sha256"], resource_name=data["resource_name"])


def is_known(execution: Resource, sha256: str) -> bool:
    """Whether it is written on the execution that it has run this definition."""
    return fields.annotation(execution, ANNOTATION_RAN) == sha256


def has_run(execution: Resource, pipeline: Resource | None, sha256: str, outcome: Outcome) -> bool:
    """Whether the execution has surely run the definition of this digest; False: not known.

    :param execution: as it is now; SageMaker has taken it.
    :param pipeline: the Pipeline resource as it is now, read after SageMaker had taken the execution; None: none.
    :param outcome: the execution's.
    """
    if (ran := fields.annotation(execution, ANNOTATION_RAN)) is not None:
        return ran == sha256
    launched_on = fields.annotation(execution, ANNOTATION_GENERATION)
    if pipeline is None or launched_on is None:
        return False
    if generation_of(pipeline) == launched_on:
        return True
    uid, _, generation = launched_on.partition("/")
    number = fields.metadata(pipeline).get("generation")
    if fields.uid(pipeline) != uid or not generation.isdecimal() or number != int(generation) + 1:
        return False
    # One change since. While an execution runs, its status stands as it was written when SageMaker took it.
    changed, taken = spec_unchanged_until(pipeline), status_written(execution)
    return not outcome.finished and changed is not None and taken is not None and changed > taken
