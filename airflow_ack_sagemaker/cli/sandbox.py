"""Commands that need no cluster: ``sandbox``, a stand-in for one, and ``crds``, what a cluster must know."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from airflow_ack_sagemaker.cli.app import INSTALLATION, Exit, command, complain

if TYPE_CHECKING:
    from airflow_ack_sagemaker.sandbox import Sandbox

MODULES = frozenset(
    {"moto", "flask", "flask_cors", "werkzeug", "lightkube", "httpx2", "botocore", "starlette", "uvicorn", "yaml"}
)
"""What the extra ``sandbox`` brings: the absence of one of these means that the extra is not installed."""


@command("crds", INSTALLATION, "ack-sagemaker crds | kubectl apply --server-side -f -")
def crds() -> None:
    """Print the CustomResourceDefinitions of all ACK SageMaker kinds, for clusters without the controller."""
    from airflow_ack_sagemaker.sandbox.crds import crds_text

    sys.stdout.write(crds_text())


@command(
    "sandbox",
    INSTALLATION,
    """ack-sagemaker sandbox --speed 60 --directory .sandbox
    ack-sagemaker sandbox --script 'AbaloneTrain#1=Failed:out of memory'""",
)
def sandbox(
    components: Annotated[
        str, typer.Option(help="Which parts to start, separated by commas.")
    ] = "kubernetes,controller,aws",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    kubernetes_port: Annotated[int, typer.Option(metavar="PORT", help="Of the API server; 0: a free one.")] = 0,
    aws_port: Annotated[int, typer.Option(metavar="PORT", help="Of the AWS endpoint; 0: a free one.")] = 0,
    directory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For kubeconfig and sandbox.json (default: a temporary directory)."),
    ] = None,
    kubeconfig: Annotated[
        str | None, typer.Option(metavar="FILE", help="Controller: this cluster instead of the sandbox's own.")
    ] = None,
    aws_endpoint_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Controller: this AWS endpoint instead of the sandbox's own.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option(metavar="NS", help="Controller: watch this namespace only (default: all).")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Controller: resources reconciled at the same time.")] = 1,
    speed: Annotated[float, typer.Option(help="How many times faster than real time durations pass.")] = 1.0,
    step_seconds: Annotated[float, typer.Option(help="How long a pipeline step takes, before --speed.")] = 20.0,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Let the clock begin at a time in the past (2026-10-01T00:00:00Z); PUT /_sandbox/clock moves it up.",
        ),
    ] = None,
    script: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="An outcome: STEP=Failed:reason, STEP#1=Failed, STEP=seconds:5, OPERATION=Error:message.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what the controller does.")] = False,
) -> Exit:
    """Run a stand-in for a Kubernetes cluster, its ACK SageMaker controller and AWS, until it is interrupted."""
    import signal
    import threading

    end = threading.Event()
    # Before anything is started: a signal that comes early must not leave half of it behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    _log(verbose)
    try:
        from airflow_ack_sagemaker.sandbox.clock import LateClock
        from airflow_ack_sagemaker.sandbox.run import Sandbox, SandboxError

        try:
            running = Sandbox(
                components=[name.strip() for name in components.split(",") if name.strip()],
                host=host,
                kubernetes_port=kubernetes_port,
                aws_port=aws_port,
                directory=directory,
                kubeconfig=kubeconfig,
                aws_endpoint_url=aws_endpoint_url,
                namespace=namespace,
                speed=speed,
                clock=LateClock(datetime.fromisoformat(start).timestamp(), speed) if start else None,
                step_seconds=step_seconds,
                script=script or (),
                workers=workers,
            ).start()
        except (SandboxError, ValueError, OSError) as error:
            complain(f"ack-sagemaker sandbox: {error}")
            return Exit.FAILED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in MODULES:
            raise
        complain(
            f"The sandbox is not installed ({error.name} is missing): pip install 'airflow-ack-sagemaker[sandbox]'"
        )
        return Exit.FAILED
    try:
        print(_addresses(running), flush=True)
        end.wait()
    finally:
        running.stop()
    return Exit.DONE


def _log(verbose: bool) -> None:
    import logging

    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    if not verbose:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _addresses(running: Sandbox) -> str:
    parts = ", ".join(sorted(running.components))
    lines = [f"The sandbox runs ({parts}), {running.clock.speed:g} times as fast as usual."]
    if running.kubernetes_url:
        lines += [
            f"  Kubernetes  {running.kubernetes_url}",
            f"              export KUBECONFIG={running.kubeconfig_path}",
        ]
    if running.aws is not None:
        lines += [
            f"  AWS         {running.aws.url}",
            f"              export AWS_ENDPOINT_URL={running.aws.url} AWS_DEFAULT_REGION={running.region}",
            "              export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox",
        ]
    return "\n".join([*lines, f"  Files       {running.directory}", "End it with Ctrl-C."])
