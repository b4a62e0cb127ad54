"""Launches in a second, beside a bare HTTP client that creates the same objects on the same server.

    python -m tests.bench.bench_rate

Each launch of ours looks for what earlier tries have made and reads the pipeline before it creates: three requests. A
batch does so once for all that it launches. The bare client is httpx's, as in this package, on a connection that it
keeps, as ours does; it only sends the POST. They launch in turn, in as many threads, each in a namespace of its own and
with a client for each thread.
"""

from __future__ import annotations

import itertools
import json
import logging
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from airflow_ack_sagemaker.core.run.batch import FailurePolicy, Standing
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.core.run.deadlines import RECONCILE_TIMEOUT, RECOVERABLE_TIMEOUT
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.runs.batch import Batch, advance
from airflow_ack_sagemaker.runs.launch import launch
from airflow_ack_sagemaker.runs.look import Run
from harness.plain_client import connect
from tests.bench import charts
from tests.bench.results import bound, publish, table
from tests.bench.stage import PIPELINE_NAME, ROLE, Stage, collection

THREADS = (1, 4)
LAUNCHES, ROUNDS = 200, 5
SHARE = 60.0
"""The bound: percent of the bare client's rate."""

_DEFINITION = Path(__file__).parents[1] / "core" / "definition" / "definitions" / "abalone.json"
_LOG = logging.getLogger("bench")

Launcher = Callable[[range], None]
"""Launches the runs of these numbers."""


def spec() -> ExecutionSpec:
    """What is launched."""
    return ExecutionSpec(PIPELINE_NAME, parameters=[{"name": "InputData", "value": "s3://bench/input"}])


def identity(number: int) -> RunIdentity:
    """Whose it is."""
    return RunIdentity("retrain", f"scheduled__{number}", "launch")


def add_pipeline(admin: httpx.Client, namespace: str) -> None:
    """A Pipeline that is synced with SageMaker, as the controller leaves it."""
    manifest = PipelineSpec(PIPELINE_NAME, ROLE, _DEFINITION.read_text()).manifest(namespace)
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/pipelines"
    admin.post(path, json=manifest).raise_for_status()
    seen = "2026-01-01T00:00:00Z"
    condition = {"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": seen}
    status = {"conditions": [condition], "pipelineStatus": "Active"}
    admin.patch(
        f"{path}/{manifest['metadata']['name']}/status",
        content=json.dumps({"status": status}),
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()


def one_by_one(stage: Stage, namespace: str, stack: ExitStack) -> Launcher:
    """Launches through the function that the operator calls."""
    client = our_client(stage, namespace, stack)

    def run(numbers: range) -> None:
        for number in numbers:
            launch(client, spec(), Run(identity(number), namespace), pipeline_resource_name=None, log=_LOG)

    return run


def in_a_batch(stage: Stage, namespace: str, stack: ExitStack) -> Launcher:
    """Launches as the batch form of the operator does."""
    client = our_client(stage, namespace, stack)

    def run(numbers: range) -> None:
        now = time.time()
        batch = Batch(
            specs=[spec()] * len(numbers),
            run=Run(identity(numbers[0]), namespace),
            pipeline_resource_name=None,
            waits=Waits(reconcile=RECONCILE_TIMEOUT, recover=RECOVERABLE_TIMEOUT),
            max_active=None,
            spare_failures=0,
            policy=FailurePolicy.RUN_ALL,
            on_timeout="leave",
        )
        batch.check()
        members = advance(client, batch, Progress(started=now), log=_LOG)
        assert all(member.standing is Standing.ACTIVE for member in members)

    return run


def bare(stage: Stage, namespace: str, stack: ExitStack) -> Launcher:
    """Sends the same objects."""
    kubeconfig = Path(stage.add_namespace(namespace)["extra"]["kube_config_path"])
    client = stack.enter_context(connect(json.loads(kubeconfig.read_text())))
    path = collection(namespace)

    def run(numbers: range) -> None:
        for number in numbers:
            manifest = spec().manifest(namespace, identity(number), attempt=1, tried=Try())
            client.post(path, json=manifest).raise_for_status()

    return run


def our_client(stage: Stage, namespace: str, stack: ExitStack) -> KubeClient:
    """A client with the rights of Airflow's service account."""
    config = cluster_config(stage.add_namespace(namespace)["extra"], conn_id="kubernetes_default")
    return stack.enter_context(KubeClient(config))


BARE = "bare HTTP client: create"
BATCH = "ours, in a batch: look, check, create all"
CONTESTANTS = {
    BATCH: in_a_batch,
    "ours, one by one: look, check, create": one_by_one,
    BARE: bare,
}


def rate(launchers: list[Launcher], numbers: range) -> float:
    """Launches in a second, when the launchers share them, a thread each."""
    shares = [numbers[at :: len(launchers)] for at in range(len(launchers))]
    with ThreadPoolExecutor(len(launchers)) as pool:
        began = time.perf_counter()
        for done in [pool.submit(run, share) for run, share in zip(launchers, shares, strict=True)]:
            done.result()
        return len(numbers) / (time.perf_counter() - began)


def main() -> None:
    """Measure, print and draw."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    rows, bars, bounds = [], [], []
    with Stage(recorded=False) as stage, ExitStack() as stack, stage.cluster.client() as admin:
        for threads in THREADS:
            launchers = {}
            for at, (name, make) in enumerate(CONTESTANTS.items()):
                namespace = f"rate-{threads}-{at}"
                launchers[name] = [make(stage, namespace, stack) for _ in range(threads)]
                add_pipeline(admin, namespace)
            found: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
            for number, name in itertools.product(range(ROUNDS + 1), CONTESTANTS):
                measured = rate(launchers[name], range(number * LAUNCHES, (number + 1) * LAUNCHES))
                if number:  # the first connects
                    found[name].append(measured)
            rates = {name: statistics.median(values) for name, values in found.items()}
            for name, value in rates.items():
                share = value / rates[BARE] * 100
                rows.append([name, f"{threads}", f"{value:.0f}", f"{share:.0f} %"])
                bars.append((f"{name} ({threads} at once)", value))
                if name == BATCH:  # one by one, each launch makes three requests: a third is all that there is
                    what = f"{name} ({threads} at once)"
                    bounds.append(bound(what, share, SHARE, "% of the bare client's rate", at_least=True))
    charts.rates("rate", bars, title="Launches on the same API server", axis="launches per second")
    head = ["who", "at once", "launches per second", "of the bare client's"]
    publish("rate", table("Launches", head, rows), "\n".join(bounds))


if __name__ == "__main__":
    main()
