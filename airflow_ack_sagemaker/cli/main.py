"""``ack-sagemaker``: the command line. It never imports Airflow, so that it starts at once."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime

from airflow_ack_sagemaker import __version__
from airflow_ack_sagemaker.cli import doctor

SANDBOX_MODULES = frozenset(
    {"moto", "flask", "flask_cors", "werkzeug", "lightkube", "httpx2", "botocore", "starlette", "uvicorn", "yaml"}
)
"""What the extra ``sandbox`` brings: the absence of one of these means that the extra is not installed."""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    root = argparse.ArgumentParser(
        prog="ack-sagemaker", description="Tools for retraining SageMaker models through the ACK controller."
    )
    root.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _sandbox_arguments(commands.add_parser("sandbox", help="run a stand-in for a cluster, its ACK controller and AWS"))
    _crds_arguments(commands.add_parser("crds", help="print the CustomResourceDefinitions of the ACK SageMaker kinds"))
    examine = commands.add_parser("doctor", help="say what is wrong between the cluster, its controller and SageMaker")
    doctor.add_arguments(examine)
    examine.set_defaults(run=doctor.doctor)
    return root


def _crds_arguments(crds: argparse.ArgumentParser) -> None:
    crds.description = (
        "Print the CustomResourceDefinitions of all kinds of the ACK SageMaker controller, as YAML. They are for "
        "clusters without that controller: ack-sagemaker crds | kubectl apply --server-side -f -"
    )
    crds.set_defaults(run=print_crds)


def _sandbox_arguments(sandbox: argparse.ArgumentParser) -> None:
    sandbox.description = (
        "Run a stand-in for a Kubernetes cluster, its ACK SageMaker controller and AWS (S3, STS, SageMaker) "
        "until it is interrupted."
    )
    sandbox.add_argument(
        "--components",
        default="kubernetes,controller,aws",
        help="which parts to start, separated by commas (default: all)",
    )
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    sandbox.add_argument(
        "--kubernetes-port",
        type=int,
        default=0,
        metavar="PORT",
        help="port of the Kubernetes API server (default: a free one)",
    )
    sandbox.add_argument(
        "--aws-port", type=int, default=0, metavar="PORT", help="port of the AWS endpoint (default: a free one)"
    )
    sandbox.add_argument(
        "--directory", metavar="DIR", help="where to write kubeconfig and sandbox.json (default: a temporary directory)"
    )
    sandbox.add_argument(
        "--kubeconfig", metavar="FILE", help="controller: use this cluster instead of the sandbox's own"
    )
    sandbox.add_argument(
        "--aws-endpoint-url", metavar="URL", help="controller: use this AWS endpoint instead of the sandbox's own"
    )
    sandbox.add_argument("--namespace", metavar="NS", help="controller: watch this namespace only (default: all)")
    sandbox.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="controller: resources reconciled at the same time (default: 1)",
    )
    sandbox.add_argument(
        "--speed", type=float, default=1.0, help="how many times faster than real time durations pass (default: 1)"
    )
    sandbox.add_argument(
        "--step-seconds", type=float, default=20.0, help="how long a pipeline step takes, before --speed (default: 20)"
    )
    sandbox.add_argument(
        "--start",
        type=datetime.fromisoformat,
        metavar="TIME",
        help="let the clock begin at a time in the past, to make a history: PUT /_sandbox/clock moves it up "
        "(2026-10-01T00:00:00Z)",
    )
    sandbox.add_argument(
        "--script",
        action="append",
        default=[],
        metavar="RULE",
        help="an outcome: STEP=Failed:reason, STEP#1=Failed, STEP=seconds:5, OPERATION=Error:message (may be repeated)",
    )
    sandbox.add_argument("--verbose", action="store_true", help="log what the controller does")
    sandbox.set_defaults(run=run_sandbox)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    options = parser().parse_args(arguments)
    return int(options.run(options))


def print_crds(_: argparse.Namespace) -> int:
    """``ack-sagemaker crds``."""
    from airflow_ack_sagemaker.sandbox.crds import crds_text

    sys.stdout.write(crds_text())
    return 0


def run_sandbox(options: argparse.Namespace) -> int:
    """``ack-sagemaker sandbox``."""
    end = threading.Event()
    # Before anything is started: a signal that comes early must not leave half of it behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    if not options.verbose:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        from airflow_ack_sagemaker.sandbox.clock import LateClock
        from airflow_ack_sagemaker.sandbox.run import Sandbox, SandboxError

        try:
            running = Sandbox(
                components=[name.strip() for name in options.components.split(",") if name.strip()],
                host=options.host,
                kubernetes_port=options.kubernetes_port,
                aws_port=options.aws_port,
                directory=options.directory,
                kubeconfig=options.kubeconfig,
                aws_endpoint_url=options.aws_endpoint_url,
                namespace=options.namespace,
                speed=options.speed,
                clock=LateClock(options.start.timestamp(), options.speed) if options.start else None,
                step_seconds=options.step_seconds,
                script=options.script,
                workers=options.workers,
            ).start()
        except (SandboxError, ValueError, OSError) as error:
            print(f"ack-sagemaker sandbox: {error}", file=sys.stderr)
            return 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SANDBOX_MODULES:
            raise
        print(
            f"The sandbox is not installed ({error.name} is missing): pip install 'airflow-ack-sagemaker[sandbox]'",
            file=sys.stderr,
        )
        return 1
    try:
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
        lines += [f"  Files       {running.directory}", "End it with Ctrl-C."]
        print("\n".join(lines), flush=True)
        end.wait()
    finally:
        running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
