"""`AckEndpointTrigger`: follow an endpoint to the end of one rollout, on the triggerer."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.core.lifecycle.follower import RolloutFollower
from airflow_ack_sagemaker.core.lifecycle.standing import Rollout
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger


class AckEndpointTrigger(AckResourceTrigger):
    """Fires when the endpoint serves what was asked for, or when that has failed: an endpoint that SageMaker has rolled
    back is InService, too. Each change of its progress is a line of the task's log.

    The event has ``rollout`` besides, with the ``standing`` and what ``serves``.

    ```python
    from airflow_ack_sagemaker.core.lifecycle.standing import Rollout
    from airflow_ack_sagemaker.triggers.endpoint import AckEndpointTrigger

    AckEndpointTrigger(
        kind="Endpoint",
        name="demand",
        namespace="ml",
        kubernetes_conn_id="kubernetes_default",
        rollout=Rollout("demand-20261124", "demand-20261117").to_dict(),
    )
    ```

    :param rollout: a `Rollout` as a dictionary.

    The others are those of `AckResourceTrigger`.
    """

    def __init__(self, *, rollout: dict[str, Any], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rollout = rollout
        self._rollout = RolloutFollower(Rollout.from_dict(rollout), lambda line: self.log.info("%s", line))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        path, arguments = super().serialize()
        return path, {**arguments, "rollout": self.rollout}

    def returned(self) -> dict[str, Any]:
        """The echo, and how the rollout stands."""
        reading = self._rollout.reading
        standing = {"standing": reading.standing.value, "serves": reading.serves} if reading else {}
        return {**super().returned(), "rollout": self._rollout.rollout.to_dict(), **standing}

    def _read(self, resource: dict[str, Any] | None, last: Outcome) -> Outcome:
        if resource is not None and self.uid not in (None, fields.uid(resource)):
            resource = None
        return self._rollout(resource, last)
