"""`make demo`, `make demo-up`, `make demo-down`: the weekly retraining, for real, on this machine.

A sandbox stands for the cluster and for AWS; Airflow is Airflow. With CLUSTER=real the sandbox's controller and AWS
work on a kube-apiserver with etcd instead. Everything lives in `.demo/` and ends with the command (`once`), or runs in
the background (`up`) until `down`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from demo import story
from demo.history import History, tell
from demo.report import Observer, table
from demo.story import BUCKET
from harness.airflow_processes import AirflowProcesses
from harness.controlplane import NoControlPlane
from harness.process import ProcessEnded
from harness.real_cluster import RealCluster
from harness.sandbox_process import SandboxProcess, page_settings
from harness.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".demo"
DAG_ID = "scheduled_retraining"
DEFINITIONS = story.EXAMPLES
CLUSTERS = [{"kubernetes_conn_id": "kubernetes_default", "aws_conn_id": "aws_default", "buckets": [BUCKET]}]
"""Which clusters the pages in Airflow's UI show, and where SageMaker is asked for steps."""

SPEED = 5.0
"""How many times faster than real the sandbox's SageMaker is: a step of 20 s takes 4 s."""
RUN_TIMEOUT = 300.0
FAILURE_REASON = "AlgorithmError: scripted by make demo"


class Busy(Exception):
    """Another demo of the same kind runs in this repository."""


def main() -> int:
    """Run the command line; the exit code is 0 only when the DAG run has succeeded."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__)
    parser.add_argument("command", choices=["once", "up", "serve", "down"])
    parser.add_argument("--fail", metavar="STEP", help="let this pipeline step fail")
    parser.add_argument(
        "--cluster",
        choices=["sandbox", "real"],
        default="sandbox",
        help="whose Kubernetes API server: the sandbox's, or kube-apiserver, which is built with Go when first needed",
    )
    options = parser.parse_args()
    # What this process asks is on this machine: neither by the user's proxy, nor with his AWS profile. (Building
    # kube-apiserver does need the proxy.)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1", "localhost")))
    # SIGINT too: Python leaves it ignored where it was, as in a shell's background job.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if options.command == "down":
            return down()
        if options.command == "up":
            return up(options.fail, options.cluster)
        return run(options.command, options.fail, options.cluster)
    except KeyboardInterrupt:
        say("Interrupted; everything has been ended.")
        return 130
    except (Busy, NoControlPlane, ProcessEnded, TimeoutError) as error:
        say(str(error))
        return 1


def run(command: str, fail: str | None, cluster: str) -> int:
    """Start everything, let the DAG run once and report; `serve` then stays until it is told to end."""
    folder = FOLDER / command
    scripted = [f"{fail}=Failed:{FAILURE_REASON}"] if fail else []
    with locked(folder), ExitStack() as stack:
        real = stack.enter_context(RealCluster(folder / "cluster")) if cluster == "real" else None
        if command == "serve":
            airflow, sandbox = with_history(stack, folder, scripted, real)
        else:
            begun = time.monotonic()
            sandbox = start_sandbox(stack, folder, *_options(scripted), cluster=real)
            upload(sandbox.aws_client("s3"))
            airflow = start_airflow(stack, folder, sandbox)
            say(f"Airflow is ready after {time.monotonic() - begun:.0f} s: {airflow.url}")
        succeeded = retrain(airflow, sandbox)
        say(addresses(airflow, sandbox))
        if command == "serve":
            say(f"Executions   {airflow.url}/plugin/sagemaker", "")
            (folder / "result").write_text("success" if succeeded else "failed")
            signal.pause()
        say("All of it ends now; `make demo-up` leaves it running to look around.")
    return 0 if succeeded else 1


def with_history(
    stack: ExitStack, folder: Path, scripted: list[str], real: RealCluster | None
) -> tuple[AirflowProcesses, SandboxProcess]:
    """More pipelines than one, some weeks in which they have run, and one that runs for some minutes from now on.

    On a real API server nothing can be made in the past: there it is the present alone.
    """
    begun = time.monotonic()
    now = datetime.now(UTC)
    past = story.runs(now) if real is None else []
    lasting = [*story.lasting(SPEED), *scripted]
    options = ["--speed", str(SPEED), "--start", story.begins(now).isoformat()] if past else _options(lasting)
    sandbox = start_sandbox(stack, folder, *options, cluster=real)
    s3 = sandbox.aws_client("s3")
    with ThreadPoolExecutor(1) as beside:
        if past:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
            made = beside.submit(make_history, sandbox, past, lasting)
        else:
            say("A real API server makes nothing in the past: there is no history with CLUSTER=real.")
            upload(s3, DEFINITIONS, story.OTHERS)
        airflow = start_airflow(stack, folder, sandbox, more_dags=ROOT / "demo" / "dags")
        if past:
            made.result()
    say(f"Airflow is ready after {time.monotonic() - begun:.0f} s: {airflow.url}")
    tell(airflow.api, past)
    if past:
        say(f"The sandbox and Airflow have {len(past)} runs since {story.begins(now):%d %B}.")
    airflow.api.wait_for_dag(story.CHURN.dag_id)
    airflow.api.unpause(story.CHURN.dag_id)
    return airflow, sandbox


def make_history(sandbox: SandboxProcess, past: list[story.Run], lasting: list[str]) -> None:
    """Let all of `past` happen in a sandbox whose clock is behind."""
    with History(sandbox, SPEED) as history:
        history.make(past, lasting)


def start_sandbox(stack: ExitStack, folder: Path, *options: str, cluster: RealCluster | None) -> SandboxProcess:
    """A sandbox that ends with the stack."""
    begun = time.monotonic()
    sandbox = stack.enter_context(SandboxProcess(folder / "sandbox", *options, cluster=cluster))
    say(f"The sandbox is ready after {time.monotonic() - begun:.0f} s; starting Airflow (about 20 s).")
    return sandbox


def start_airflow(
    stack: ExitStack, folder: Path, sandbox: SandboxProcess, more_dags: Path | None = None
) -> AirflowProcesses:
    """An Airflow with the example DAGs that ends with the stack."""
    connections = sandbox.connections()
    settings = {("core", "default_task_retry_delay"): "2", **page_settings(CLUSTERS, connections)}
    if more_dags is not None:
        bundle = "airflow.dag_processing.bundles.local.LocalDagBundle"
        bundles = {"dags-folder": ROOT / "dags", "demo": more_dags}
        settings["dag_processor", "dag_bundle_config_list"] = json.dumps(
            [{"name": name, "classpath": bundle, "kwargs": {"path": str(path)}} for name, path in bundles.items()]
        )
    return stack.enter_context(
        AirflowProcesses(folder / "airflow", ROOT / "dags", connections=connections, settings=settings)
    )


def _options(rules: list[str]) -> list[str]:
    """The sandbox's options with rules for what happens."""
    return ["--speed", str(SPEED), *(part for rule in rules for part in ("--script", rule))]


def upload(s3: Any, *folders: Path) -> None:
    """Put definitions (without folders: the examples) into the S3 of a boto3 client, where the DAGs look for them."""
    s3.create_bucket(Bucket=BUCKET)
    for definition in sorted(path for folder in folders or (DEFINITIONS,) for path in folder.glob("*.json")):
        key = f"pipelines/{definition.name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=definition.read_bytes())
        say(f"Uploaded s3://{BUCKET}/{key}.")


def retrain(airflow: AirflowProcesses, sandbox: SandboxProcess) -> bool:
    """Let the DAG run once, telling what happens; whether it succeeded."""
    airflow.api.wait_for_dag(DAG_ID)
    airflow.api.unpause(DAG_ID)
    run_id = first_run(airflow)
    say(f"DAG {DAG_ID}, run {run_id}:")
    observer = Observer(airflow.api, sandbox, DAG_ID, run_id)

    def ended() -> str | None:
        state: str = airflow.api.dag_run(DAG_ID, run_id)["state"]
        for line in observer.news():
            say(f"  {time.strftime('%H:%M:%S')}  {line}")
        return state if state in ("success", "failed") else None

    state = wait_until(ended, RUN_TIMEOUT, f"the end of the run {run_id}", every=0.3)
    say("", table(observer.rows()), "", f"The run has ended: {state}.")
    for failure in observer.failures():
        say("", failure)
    return state == "success"


def first_run(airflow: AirflowProcesses) -> str:
    """The run of last week, which the schedule brings when the DAG is unpaused; without a schedule one of ours."""

    def scheduled() -> str | None:
        runs = [run for run in airflow.api.dag_runs(DAG_ID) if run["run_type"] == "scheduled"]
        return str(runs[0]["dag_run_id"]) if runs else None

    try:
        return wait_until(scheduled, 60, "a scheduled run")
    except TimeoutError:
        return airflow.api.trigger(DAG_ID)


def addresses(airflow: AirflowProcesses, sandbox: SandboxProcess) -> str:
    """Where to look at it."""
    kubeconfig = os.path.relpath(sandbox.kubeconfig, ROOT)
    return "\n".join(
        [
            "",
            f"Airflow      {airflow.url}/dags/{DAG_ID}   user {airflow.username}, password {airflow.password}",
            f"Kubernetes   kubectl --kubeconfig {kubeconfig} get pipelines,pipelineexecutions",
            f"AWS          {sandbox.aws_endpoint_url}   any credentials; "
            f"aws --endpoint-url {sandbox.aws_endpoint_url} sagemaker list-pipelines",
            "",
        ]
    )


def up(fail: str | None, cluster: str) -> int:
    """Start `serve` in the background, show what it says until its DAG run has ended, and leave it running."""
    folder = FOLDER / "serve"
    with locked(folder):
        output = folder / "output.log"
    with output.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "demo.run", "serve", "--cluster", cluster, *(["--fail", fail] if fail else [])],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    result = folder / "result"
    try:
        with output.open() as said:
            while True:
                over = result.exists() or server.poll() is not None
                sys.stdout.write(said.read())
                sys.stdout.flush()
                if over:
                    break
                time.sleep(0.2)
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        raise
    if server.returncode is not None:
        return server.returncode or 1
    say("It keeps running until `make demo-down`.")
    return 0 if result.read_text() == "success" else 1


def down() -> int:
    """End what `up` started; without it there is nothing to do."""
    folder = FOLDER / "serve"
    try:
        with locked(folder, wipe=False):
            say("Nothing is running.")
            return 0
    except Busy:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)

    def ended() -> bool:
        with contextlib.suppress(Busy), locked(folder, wipe=False):
            return True
        return False

    wait_until(ended, 60.0, "the demo to end")
    say("The demo has ended.")
    return 0


@contextlib.contextmanager
def locked(folder: Path, wipe: bool = True) -> Iterator[None]:
    """Hold an empty `folder` for this process alone. Raises Busy while another process holds it."""
    # Passwords, tokens and logs of a cluster: nobody else's on this machine.
    os.umask(0o077)
    FOLDER.mkdir(exist_ok=True)
    FOLDER.chmod(0o700)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("Another demo is running in this repository; `make demo-down` ends one that is up.") from None
        if wipe:
            output = folder / "output.log"
            for path in folder.iterdir() if folder.exists() else ():
                if path != output:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            folder.mkdir(exist_ok=True)
            (folder / "pid").write_text(str(os.getpid()))
        yield


def say(*lines: str) -> None:
    """Print at once."""
    print(*lines, sep="\n", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
