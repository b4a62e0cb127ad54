"""Requests for one execution, from its launch to its result.

    python -m tests.bench.bench_requests

Whole tasks of ours and of the peers, at their defaults, on the same API server, where the sandbox's controller works,
and on the sandbox's AWS. What the servers have received from Airflow is counted: the API server's own record tells it
by its service account, and the amazon provider has an AWS endpoint of its own.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import httpx

from airflow_ack_sagemaker.core.resource.identity import OURS
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE
from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec
from harness.environment import clean_environment
from harness.process import GuardedProcess
from harness.sandbox_process import SandboxProcess, aws_connection
from harness.waiting import wait_until
from tests.bench import charts
from tests.bench.followers import CHECK_INTERVAL, PEERS
from tests.bench.poker import POKE_INTERVAL
from tests.bench.results import bound, publish, table
from tests.bench.stage import DEFINITION, PIPELINE_NAME, ROLE, Stage
from tests.bench.tasks import APPLIED_NAME

COUNT = 20
"""Executions of ours; what a peer asks for one does not depend on others."""
RUN = 25
"""Seconds that an execution takes; its end is in the cluster after 30, when the controller looks."""
LIMIT = 4.0
"""The bound: requests for an execution of ours."""
LIMIT_APPLIED = 5.0
"""The bound where the run has applied the definition: one look at the Pipeline proves that it is the one that runs."""
_HOUR = 3600


def task(stage: Stage, who: str, count: int, connections: Mapping[str, Any]) -> GuardedProcess:
    """A process that runs whole tasks."""
    home = stage.directory / f"home-{who}"
    environment = {**clean_environment(home), "AIRFLOW_HOME": str(home)}
    environment |= {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
    if who == "amazon":
        environment["PYTHONPATH"] = str(PEERS)
    command = [sys.executable, "-m", "tests.bench.tasks", who, f"tasks-{who}", str(count)]
    return GuardedProcess(who, command, environment, stage.directory / f"{who}.log")


def add_pipeline(admin: httpx.Client, namespace: str, pipeline_name: str) -> None:
    """A Pipeline, synced by the controller."""
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/{PIPELINE.plural}"
    manifest = PipelineSpec(pipeline_name, ROLE, DEFINITION).manifest(namespace)
    name = admin.post(path, json=manifest).raise_for_status().json()["metadata"]["name"]

    def synced() -> bool:
        status = admin.get(f"{path}/{name}").json().get("status") or {}
        return any(
            one["type"] == "ACK.ResourceSynced" and one["status"] == "True" for one in status.get("conditions", ())
        )

    wait_until(synced, 30, f"the pipeline of {namespace}")


def ended(process: GuardedProcess, timeout: float) -> None:
    """Wait for its end, which must be a good one."""
    wait_until(lambda: not process.running, timeout, lambda: f"{process.name}: {process.tail()}")
    if "\nTraceback" in process.tail(200):
        raise RuntimeError(f"{process.name}: {process.tail(200)}")


def asked_of(aws: SandboxProcess) -> Counter[str]:
    """The requests that an AWS endpoint has received."""
    return Counter(httpx.get(f"{aws.aws_endpoint_url}/_sandbox/requests", trust_env=False).json())


def main() -> None:
    """Measure, print and draw."""
    with Stage(recorded=True) as stage, ExitStack() as stack, stage.cluster.client() as admin:
        aws = stage.add_aws("aws")
        script = {"rules": [], "step_seconds": RUN}
        httpx.put(f"{aws.aws_endpoint_url}/_sandbox/script", json=script, trust_env=False).raise_for_status()
        options = ("--components", "controller,aws", "--kubeconfig", str(stage.cluster.kubeconfig))
        controller = SandboxProcess(stage.directory / "controller", *options, "--step-seconds", str(RUN))
        stack.enter_context(controller)
        clusters = {who: stage.add_namespace(f"tasks-{who}") for who in ("ours", "applied", "cncf")}
        for who, pipeline_name in (("ours", PIPELINE_NAME), ("applied", APPLIED_NAME)):
            add_pipeline(admin, f"tasks-{who}", pipeline_name)
        before = asked_of(aws)
        processes = [
            task(stage, "amazon", 1, {"aws_default": aws_connection(aws.aws_endpoint_url)}),
            *(
                task(stage, who, 1 if who == "cncf" else COUNT, {"kubernetes_default": connection})
                for who, connection in clusters.items()
            ),
        ]
        for process in processes:
            stack.callback(process.stop)
        for process in processes:
            ended(process, RUN + 2 * POKE_INTERVAL + 60)
        of_amazon = asked_of(aws) - before
        of_cncf = Counter(verb for verb, _ in stage.requests("tasks-cncf"))
        of_ours, of_applied = stage.requests("tasks-ours"), stage.requests("tasks-applied")
    report(of_ours, of_applied, of_amazon, of_cncf)


def own_of(requests: list[tuple[str, str]]) -> Counter[str]:
    """The requests of single executions: not those of the stream that all share."""
    return Counter(verb for verb, uri in requests if quote(OURS, safe="") not in uri)


def report(
    of_ours: list[tuple[str, str]],
    of_applied: list[tuple[str, str]],
    of_amazon: Counter[str],
    of_cncf: Counter[str],
) -> None:
    """The table and chart."""
    stream = Counter(verb for verb, uri in of_ours if quote(OURS, safe="") in uri)
    own, after = own_of(of_ours), own_of(of_applied)
    for_each, for_applied = own.total() / COUNT, after.total() / COUNT
    # The first poll is at once; the amazon provider's trigger sends two requests for each, but for the last.
    hours = {
        "amazon": of_amazon.total() + (_HOUR / CHECK_INTERVAL + 1 - of_amazon["DescribePipelineExecution"]) * 2,
        "cncf": of_cncf.total() + _HOUR / POKE_INTERVAL + 1 - of_cncf["get"],
    }

    def words(found: Counter[str], share: int = 1) -> str:
        return ", ".join(f"{name} {count / share:g}" for name, count in sorted(found.items()))

    publish(
        "launch-to-result",
        table(
            f"Requests for one execution that takes {RUN} s, from launch to result",
            ["who", "requests", "which", "if it takes an hour (computed)"],
            [
                ["ours", f"{for_each:g}", words(own, COUNT), f"{for_each:g}"],
                ["ours, after AckPipelineOperator", f"{for_applied:g}", words(after, COUNT), f"{for_applied:g}"],
                ["ours: the shared stream, once", f"{stream.total()}", words(stream), "see above"],
                ["amazon provider's operator", f"{of_amazon.total()}", words(of_amazon), f"{hours['amazon']:.0f}"],
                ["cncf provider's operator and polling", f"{of_cncf.total()}", words(of_cncf), f"{hours['cncf']:.0f}"],
            ],
        ),
        bound("ours", for_each, LIMIT, "requests"),
        bound("ours, after AckPipelineOperator", for_applied, LIMIT_APPLIED, "requests"),
    )
    charts.rates(
        "launch-to-result",
        [
            (f"ours, {RUN} s or an hour", for_each),
            ("ours, after AckPipelineOperator", for_applied),
            (f"cncf provider, {RUN} s", of_cncf.total()),
            ("cncf provider, an hour (computed)", hours["cncf"]),
            (f"amazon provider, {RUN} s", of_amazon.total()),
            ("amazon provider, an hour (computed)", hours["amazon"]),
        ],
        title="Requests for one execution, from launch to result",
        axis="requests",
    )


if __name__ == "__main__":
    main()
