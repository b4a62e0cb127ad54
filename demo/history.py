"""Gives a new sandbox and a new Airflow some weeks of history, which is made and not painted.

The sandbox's clock starts weeks ago and is moved from one event to the next: the definitions are uploaded, the package
applies and launches as its operators do, the controller reconciles, SageMaker runs, each at its time. Afterwards
Airflow gets the DAG runs that the executions say they belong to; those are marked and never run.
"""

from __future__ import annotations

import heapq
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

import httpx

from airflow_ack_sagemaker.core.definition.parse import launch_parameters, parse_definition
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.identity import LABEL_DAG, RunIdentity, label_value, pipeline_resource_name
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.reported import report
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.runs.apply import apply_resource
from airflow_ack_sagemaker.runs.launch import launch
from airflow_ack_sagemaker.runs.look import Run as LaunchingRun
from demo.story import BUCKET, ROLE, Model, Run
from harness.airflow_api import AirflowApi
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until

log = logging.getLogger(__name__)
log.setLevel(logging.WARNING)  # forty launches say the same

SEEN_SECONDS = 4.0
"""How long after its end the controller sees it, on average; with the real one it is 15 s."""
RETRY_SECONDS = 60.0


class History:
    """Makes the history of a sandbox whose clock is behind; a context manager.

    :param speed: that of the sandbox's clock.
    """

    def __init__(self, sandbox: SandboxProcess, speed: float) -> None:
        self._sandbox = sandbox
        self._speed = speed
        extra = {"kube_config_path": str(sandbox.kubeconfig), "namespace": sandbox.namespace}
        self._kube = KubeClient(cluster_config(extra, conn_id="of the demo"))
        self._sagemaker, self._s3 = sandbox.aws_client("sagemaker"), sandbox.aws_client("s3")
        self._control = httpx.Client(base_url=f"{sandbox.aws_endpoint_url}/_sandbox/", trust_env=False, timeout=30.0)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self._applied: dict[str, str] = {}
        self._uploaded: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Self:
        self._kube.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._kube.__exit__(None, None, None)
        for client in (self._sagemaker, self._s3, self._control):
            client.close()

    def make(self, runs: Iterable[Run], lasting: Iterable[str] = ()) -> None:
        """Let all of it happen; at the end the clock shows the time that it is, and ``lasting`` rules hold."""
        for run in runs:
            self._at(run.date.timestamp() + run.after, partial(self._begin, run, 1))
        while self._events:
            moment, _, happens = heapq.heappop(self._events)
            self._put("clock", {"time": moment})
            happens(moment)
        self._put("script", {"rules": list(lasting)})
        self._put("clock", {"time": datetime.now(UTC).timestamp()})

    def _at(self, moment: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), happens))

    def _put(self, path: str, body: dict[str, Any]) -> None:
        self._control.put(path, json=body).raise_for_status()

    # -- what happens

    def _begin(self, run: Run, attempt: int, now: float) -> None:
        self._apply(run.model, run.model.text(run.edition))
        wanted = run.attempts[attempt - 1]
        self._put("script", {"rules": wanted.rules(run.model, self._speed)})
        spec = ExecutionSpec(run.model.pipeline, launch_parameters(run.parameters))
        identity = RunIdentity(run.model.dag_id, run.run_id, run.model.task_id, run.map_index)
        launched = launch(
            self._kube,
            spec,
            LaunchingRun(identity, self._sandbox.namespace),
            pipeline_resource_name=None,
            log=log,
        )
        name = launched.outcome.name
        arn = self._until(name, lambda outcome: outcome.arn, "to be started")
        ends = now + wanted.lasts(run.model)
        if wanted.stopped is not None:
            self._at(ends, partial(self._stop, arn))
            ends += SEEN_SECONDS
        self._at(ends + SEEN_SECONDS, partial(self._end, run, attempt, name))

    def _stop(self, arn: str, _: float) -> None:
        """What somebody does in SageMaker's console."""
        self._sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)

    def _end(self, run: Run, attempt: int, name: str, now: float) -> None:
        outcome = self._until(name, lambda outcome: outcome if outcome.finished else None, "to end")
        body = report(outcome, try_number=attempt, now=now)
        self._kube.patch(PIPELINE_EXECUTION, name, body)
        if attempt < len(run.attempts):
            self._at(now + RETRY_SECONDS, partial(self._begin, run, attempt + 1))

    def _until(self, name: str, wanted: Callable[[Outcome], Any], what: str) -> Any:
        def look() -> Any:
            return wanted(classify(self._kube.get(PIPELINE_EXECUTION, name)))

        return wait_until(look, 30.0, f"{name} {what}", every=0.02)

    def _apply(self, model: Model, text: str) -> None:
        """What `AckPipelineOperator` does, where the definition is another than before."""
        if self._applied.get(model.pipeline) == text:
            return
        source = f"s3://{BUCKET}/{model.key}"
        definition = parse_definition(text, placeholders=model.placeholders, source=source)
        spec = PipelineSpec(
            pipeline_name=model.pipeline,
            role_arn=ROLE,
            definition=definition.text,
            definition_sha256=definition.sha256,
            definition_source=source,
            definition_version_id=self._upload(model.key, text),
            labels={LABEL_DAG: label_value(model.dag_id)},
        )
        apply_resource(self._kube, PIPELINE, spec.manifest(self._sandbox.namespace), log=log)
        name = pipeline_resource_name(model.pipeline)
        wait_until(
            lambda: observe(self._kube.get(PIPELINE, name)).state is State.SUCCEEDED,
            30.0,
            f"the pipeline {name} to be synced",
            every=0.02,
        )
        self._applied[model.pipeline] = text

    def _upload(self, key: str, text: str) -> str:
        """Put a definition into S3 unless it is there; its version."""
        known, version = self._uploaded.get(key, ("", ""))
        if known != text:
            version = self._s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())["VersionId"]
            self._uploaded[key] = (text, version)
        return version


def tell(api: AirflowApi, runs: Iterable[Run]) -> None:
    """Give Airflow the DAG runs of the executions: of DAGs that are paused, and marked with how they ended."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.model.dag_id, run.run_id].append(run)
    for dag_id in {dag_id for dag_id, _ in groups}:
        api.wait_for_dag(dag_id)
    for (dag_id, run_id), tasks in sorted(groups.items(), key=lambda group: group[1][0].date):
        model, date = tasks[0].model, tasks[0].date
        api.trigger(dag_id, run_id=run_id, logical_date=date.isoformat())
        failed = [task for task in tasks if not task.succeeded]
        # Of a mapped task without its index: all of them.
        api.mark_task(dag_id, run_id, model.task_id, "success", upstream=True)
        for task in failed:
            api.mark_task(dag_id, run_id, model.task_id, "failed", task.map_index)
        api.mark_run(dag_id, run_id, "failed" if failed else "success")
