"""Commands that need no cluster: ``sandbox``, a stand-in for one, and ``crds``, what a cluster must know."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from airflow_ack_sagemaker.cli.app import INSTALLATION, command


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
    kubernetes_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Of the API server; 0: a free one.")
    ] = 0,
    aws_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Of the AWS endpoint; 0: a free one.")
    ] = 0,
    directory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For kubeconfig, environment.sh and sandbox.json (default: temporary)."),
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
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Controller: resources reconciled at the same time.")
    ] = 1,
    speed: Annotated[float, typer.Option(help="How many times faster than real time durations pass.")] = 1.0,
    step_seconds: Annotated[float, typer.Option(min=0, help="How long a pipeline step takes, before --speed.")] = 20.0,
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
) -> None:
    """Run a stand-in for a Kubernetes cluster, its ACK SageMaker controller and AWS, until it is interrupted."""
    from airflow_ack_sagemaker.sandbox.__main__ import command as becomes

    program = becomes(
        verbose=verbose,
        start=start,
        components=[name.strip() for name in components.split(",") if name.strip()],
        host=host,
        kubernetes_port=kubernetes_port,
        aws_port=aws_port,
        directory=None if directory is None else str(directory),
        kubeconfig=kubeconfig,
        aws_endpoint_url=aws_endpoint_url,
        namespace=namespace,
        speed=speed,
        step_seconds=step_seconds,
        script=script or [],
        workers=workers,
    )
    os.execv(program[0], program)
