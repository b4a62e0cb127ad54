"""What the reconciler asks of a kind: how it is read, created, compared, updated and deleted in SageMaker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.sandbox.controller.conditions import Condition, synced
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws

Spec = dict[str, Any]
Observed = dict[str, Any]
"""SageMaker's description of a thing."""
Resource = dict[str, Any]

CONTROLLER_VERSION = "sagemaker-v1.8.3"
REQUEUE_SECONDS = 30.0
"""When a resource that is not synced is looked at again."""


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update leaves: the thing as it is told of, and annotations that the resource gets.

    ``told`` is the status that the controller tells of, while the other fields of the resource's status stay as they
    are; None: all are read anew.
    """

    observed: Observed
    told: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)


class Manager(ABC):
    """One kind. ``resync`` is the number of seconds after which a synced resource is looked at again.

    ``late`` are the fields of the spec (with dots) that are filled in from SageMaker's defaults; ``by_arn``: it is
    known by its ARN alone; ``gives_up`` are the statuses after which the controller calls it terminal.
    """

    kind: Kind
    resync: float
    late: tuple[str, ...] = ()
    by_arn: bool = False
    gives_up: frozenset[str] = frozenset()

    @abstractmethod
    def read(self, aws: Aws, region: str, resource: Resource) -> Observed:
        """SageMaker's description. :raises Missing: it is not there, or was never created."""

    @abstractmethod
    def create(self, aws: Aws, region: str, resource: Resource) -> str:
        """Create it; gives its ARN."""

    @abstractmethod
    def differs(self, aws: Aws, spec: Spec, observed: Observed) -> bool:
        """Whether SageMaker's has to be updated."""

    @abstractmethod
    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        """Update SageMaker's. :raises Refusal: that cannot be, or not now."""

    @abstractmethod
    def delete(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        """Delete or stop it; ``observed`` is then as the deletion has left it.

        :raises Recoverable: it takes a while.
        """

    @abstractmethod
    def status(self, observed: Observed) -> dict[str, Any]:
        """The fields of the status, without conditions. None removes a field."""

    @abstractmethod
    def arn(self, aws: Aws, observed: Observed) -> str:
        """Its ARN."""

    @abstractmethod
    def adopted_spec(self, observed: Observed) -> Spec:
        """The spec of something that is taken over as SageMaker has it."""

    def drifted_spec(self, aws: Aws, spec: Spec, observed: Observed) -> Spec:
        """What a deletion writes into the spec: where SageMaker's differs, as SageMaker has it."""
        return {}

    def said(self, observed: Observed) -> str | None:
        """SageMaker's own status."""
        name = self.kind.status_field
        return None if name is None else observed.get(name[0].upper() + name[1:])

    def synced(self, observed: Observed) -> Condition | None:
        """Whether it is as asked for, where the kind's own code says so at each read; None leaves it to the runtime."""
        status = self.said(observed)
        if status is None:
            return None
        return synced("False" if status in self.kind.running else "True", f"{self.kind} is in {status} status.")


def default_tags(resource: Resource) -> list[dict[str, str]]:
    """The tags that the controller gives to what it makes."""
    return [
        {"Key": "services.k8s.aws/controller-version", "Value": CONTROLLER_VERSION},
        {"Key": "services.k8s.aws/namespace", "Value": resource["metadata"]["namespace"]},
    ]


def arn_of(resource: Resource) -> str | None:
    """The ARN that a resource's status bears."""
    arn = (resource.get("status") or {}).get("ackResourceMetadata", {}).get("arn")
    return arn if arn is None else str(arn)
