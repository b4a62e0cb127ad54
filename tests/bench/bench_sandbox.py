"""How fast the sandbox starts, how much memory it takes, how fast it takes executions, and whether watchers miss any.

python -m tests.bench.bench_sandbox
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import boto3
import psutil

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.kube.connection.authenticator import Authenticator
from harness.plain_client import read
from harness.sandbox_process import REGION, SandboxProcess
from harness.waiting import wait_until
from tests.bench.results import bound, publish

STARTS = 3
CREATED = 3_000
CLIENTS = 4
WATCHERS = 50
WATCHED = 300
READY_SECONDS, REST_MEGABYTES, CREATION_SECONDS = 3, 100, 6
PATH = f"/apis/{API_VERSION}/namespaces/default/pipelineexecutions"
DEFINITION = {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}


def ready() -> float:
    """Seconds until a sandbox answers."""
    with tempfile.TemporaryDirectory() as directory:
        began = time.monotonic()
        with SandboxProcess(Path(directory)):
            return time.monotonic() - began


def memory(sandbox: SandboxProcess) -> float:
    """Megabytes that its processes have resident."""
    return float(sum(process.memory_info().rss for process in sandbox.process.processes()) / 1e6)


def wait_for_rest(sandbox: SandboxProcess) -> None:
    """Until its processes have used no CPU for two seconds: when it answers, the controller is still starting."""
    rest_since, used = time.monotonic(), -1.0

    def at_rest() -> bool:
        nonlocal rest_since, used
        now = sum(sum(process.cpu_times()[:2]) for process in sandbox.process.processes())
        if now > used + 0.05:
            rest_since, used = time.monotonic(), now
        return time.monotonic() - rest_since > 2

    wait_until(at_rest, 300, "the sandbox to be at rest")


class Cluster:
    """Connections to the sandbox's API server that cost its clients as little as possible: both share the cores."""

    def __init__(self, kubeconfig: Path) -> None:
        config = read(kubeconfig)
        authenticator = Authenticator(config)
        authenticator.load()
        self._address = urlsplit(config.server).netloc
        self._tls = authenticator.tls()
        self.headers = {"Content-Type": "application/json", **dict(authenticator.headers)}

    def connect(self) -> HTTPSConnection:
        """A new connection."""
        return HTTPSConnection(self._address, timeout=300, context=self._tls)


def requests(sandbox: SandboxProcess) -> dict[str, int]:
    """How often each operation of AWS was called."""
    with urlopen(f"{sandbox.aws_endpoint_url}/_sandbox/requests", timeout=300) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def create(cluster: Cluster, names: list[str]) -> None:
    """Create executions, over a few connections that are kept."""

    def some(mine: list[str]) -> None:
        connection = cluster.connect()
        for name in mine:
            body = {
                "apiVersion": API_VERSION,
                "kind": "PipelineExecution",
                "metadata": {"name": name},
                "spec": {"pipelineName": "bench"},
            }
            connection.request("POST", PATH, json.dumps(body), cluster.headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 201:
                raise RuntimeError(f"{answer.status} {said[:500]!r}")
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(some, (names[index::CLIENTS] for index in range(CLIENTS))))


class Watcher(threading.Thread):
    """Reads a watch from a version on, and keeps which object had which version, in order."""

    def __init__(self, cluster: Cluster, version: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[str, str, str]] = []
        self.added: set[str] = set()
        self._connection = cluster.connect()
        query = urlencode({"watch": 1, "resourceVersion": version})
        self._connection.request("GET", f"{PATH}?{query}", headers=cluster.headers)
        self._answer = self._connection.getresponse()

    def run(self) -> None:
        """Until the stream ends."""
        while line := self._answer.readline():
            event: dict[str, Any] = json.loads(line)
            metadata = event["object"]["metadata"]
            self.seen.append((event["type"], metadata.get("name", ""), metadata["resourceVersion"]))
            if event["type"] == "ADDED":
                self.added.add(metadata["name"])


def watched(cluster: Cluster) -> tuple[int, int]:
    """How many events the watchers should have seen, and how many of those they have not."""
    connection = cluster.connect()
    connection.request("GET", f"{PATH}?limit=1", headers=cluster.headers)
    version = json.load(connection.getresponse())["metadata"]["resourceVersion"]
    watchers = [Watcher(cluster, version) for _ in range(WATCHERS)]
    for watcher in watchers:
        watcher.start()
    names = [f"seen-{index}" for index in range(WATCHED)]
    create(cluster, names)

    def all_there() -> bool:
        return all(len(watcher.added) >= WATCHED for watcher in watchers)

    wait_until(all_there, 300, "each watcher to have seen each creation")
    last = min(int(watcher.seen[-1][2]) for watcher in watchers)
    told = [[seen for seen in watcher.seen if int(seen[2]) <= last] for watcher in watchers]
    everything = {seen for one in told for seen in one}
    missed = sum(len(everything) - len(one) for one in told) + sum(set(names) != watcher.added for watcher in watchers)
    disordered = sum(one != sorted(one, key=lambda seen: int(seen[2])) for one in told)
    return len(everything) * WATCHERS, missed + disordered


def main() -> None:
    """Measure and print."""
    started = statistics.median(ready() for _ in range(STARTS))
    with tempfile.TemporaryDirectory() as directory, SandboxProcess(Path(directory)) as sandbox:
        wait_for_rest(sandbox)
        rest = memory(sandbox)
        keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": REGION}
        sagemaker = boto3.client("sagemaker", endpoint_url=sandbox.aws_endpoint_url, **keys)
        role = "arn:aws:iam::123456789012:role/bench"
        sagemaker.create_pipeline(PipelineName="bench", PipelineDefinition=json.dumps(DEFINITION), RoleArn=role)
        cluster = Cluster(sandbox.kubeconfig)
        began = time.monotonic()
        create(cluster, [f"run-{index}" for index in range(CREATED)])
        created = time.monotonic() - began

        def launched() -> bool:
            # To list them would keep the sandbox from starting them.
            return requests(sandbox).get("StartPipelineExecution", 0) >= CREATED

        wait_until(launched, 300, "the controller to have started all", every=0.5)
        reconciled = time.monotonic() - began
        full = memory(sandbox)
        events, missed = watched(cluster)
    load = ", ".join(f"{one:.1f}" for one in psutil.getloadavg())
    publish(
        "sandbox",
        "\n".join(
            [
                bound(f"ready, median of {STARTS} starts", started, READY_SECONDS, "s"),
                bound("memory at rest", rest, REST_MEGABYTES, "MB"),
                bound(f"{CREATED:,} executions created by {CLIENTS} clients", created, CREATION_SECONDS, "s"),
                bound(f"of {events:,} events for {WATCHERS} watchers, lost or out of order", missed, 0, "events"),
                f"- all {CREATED:,} started by the controller after {reconciled:.1f} s; memory then {full:.0f} MB",
                f"- load of the machine at the end (1, 5, 15 minutes): {load}",
            ]
        ),
    )


if __name__ == "__main__":
    main()
