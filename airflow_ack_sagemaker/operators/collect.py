"""`AckCollectExecutionsOperator`: remove the resources of executions that have ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import RunIdentity, identity_of
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.reported import quiet_since
from airflow_ack_sagemaker.operators.base import AckOperator, seconds
from airflow_ack_sagemaker.operators.launch import HISTORY_LIMIT, KEEP_REPORTED, history_limit

if TYPE_CHECKING:
    from airflow.sdk import Context

_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States of a task instance that only a user's clear ends, which launches anew whatever is there."""
_RUNS_AT_ONCE = 50
"""Runs that one request to Airflow asks for: they are in its URL."""


class AckCollectExecutionsOperator(AckOperator):
    """Delete finished PipelineExecution resources beyond a number or an age. SageMaker keeps the executions themselves.

    Each finished resource that stays costs the controller an AWS call a minute. What runs, what no task has reported
    yet, and what belongs to a task that has not ended (its next try looks for it) is never deleted, whatever its age.
    Airflow is asked for the tasks' states; of a task that it does not know, an execution stays for an hour after its
    report.

    The result (XCom ``return_value``) is ``{"collected": [names], "kept": number}``.

    ```python
    from datetime import timedelta

    from airflow_ack_sagemaker.operators.collect import AckCollectExecutionsOperator

    AckCollectExecutionsOperator(task_id="collect", execution_history_limit=5, execution_ttl=timedelta(days=30))
    ```

    :param pipeline_name: only executions of this pipeline; None: of all in the namespace.
    :param execution_history_limit: newest finished executions that stay, of each pipeline; None: no limit.
    :param execution_ttl: age (seconds or timedelta) since its end after which an execution goes; None: no limit.
    :raises AckInputError: a limit that is none.
    :raises AckClusterError: the cluster cannot be asked, or refuses.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "pipeline_name", "execution_history_limit")
    ui_color = "#f5f5f5"

    def __init__(
        self,
        *,
        pipeline_name: str | None = None,
        execution_history_limit: int | str | None = HISTORY_LIMIT,
        execution_ttl: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline_name = pipeline_name
        self.execution_history_limit = execution_history_limit
        self.execution_ttl = execution_ttl

    def execute(self, context: Context) -> dict[str, Any]:
        """List, choose, delete."""
        from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of, runs_pipeline
        from airflow_ack_sagemaker.core.run.collectable import collectable
        from airflow_ack_sagemaker.kube.deletion import delete_if_same
        from airflow_ack_sagemaker.runs.collect import server_time

        limit, ttl = history_limit(self.execution_history_limit), seconds(self.execution_ttl)
        collected: list[str] = []
        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            resources = client.list(PIPELINE_EXECUTION, namespace).items
            if self.pipeline_name is not None:
                wanted = pipeline_name_of(self.pipeline_name)
                resources = [item for item in resources if runs_pipeline(item, wanted)]
            now = server_time(client, resources, log=self.log)
            going = collectable(
                resources, now=now, history_limit=limit, ttl=None if ttl is None else timedelta(seconds=ttl)
            )
            ended = _TaskStates(context, [owner for item in going if (owner := identity_of(item)) is not None])
            for resource in going:
                name = fields.name(resource)
                if not ended.may_lose(resource, now):
                    self.log.info("pipelineexecution/%s stays: its task has not ended.", name)
                elif delete_if_same(client, PIPELINE_EXECUTION, name, namespace, uid=fields.uid(resource)):
                    collected.append(name)
                    self.log.info("Collected pipelineexecution/%s.", name)
        return {"collected": collected, "kept": len(resources) - len(collected)}


class _TaskStates:
    """The states of the tasks that launched some executions, as Airflow knows them now."""

    def __init__(self, context: Context, owners: Sequence[RunIdentity]) -> None:
        self._states: dict[tuple[str, str, str], str | None] = {}
        runs: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for owner in owners:
            runs[owner.dag_id][owner.run_id].add(owner.task_id)
        for dag_id, tasks in runs.items():
            run_ids = sorted(tasks)
            for begin in range(0, len(run_ids), _RUNS_AT_ONCE):
                some = run_ids[begin : begin + _RUNS_AT_ONCE]
                task_ids = sorted(set().union(*(tasks[run_id] for run_id in some)))
                found = context["ti"].get_task_states(dag_id, task_ids=task_ids, run_ids=some)
                for run_id, states in found.items():
                    self._states.update({(dag_id, run_id, key): state for key, state in states.items()})

    def may_lose(self, resource: Mapping[str, Any], now: datetime) -> bool:
        """Whether no try of its task will look for this execution any more."""
        owner = identity_of(resource)
        if owner is None:
            return True
        # The Task API's own key of a mapped task's instance.
        key = owner.task_id if owner.map_index < 0 else f"{owner.task_id}_{owner.map_index}"
        place = (owner.dag_id, owner.run_id, key)
        if place in self._states:
            return self._states[place] in _ENDED
        reported = quiet_since(resource)
        return reported is None or now - reported >= KEEP_REPORTED
