"""The sandbox as a process: ``ack-sagemaker sandbox`` turns into it.

Nothing of the command line stays in memory so: it takes a fifth of what the sandbox itself takes.
"""

from __future__ import annotations

import json
import logging
import shlex
import signal
import sys
import threading
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.printable import printable

if TYPE_CHECKING:
    from airflow_ack_sagemaker.sandbox import Sandbox

MODULES = frozenset(
    {
        "moto",
        "flask",
        "flask_cors",
        "werkzeug",
        "lightkube",
        "httpx2",
        "botocore",
        "starlette",
        "uvicorn",
        "uvloop",
        "yaml",
        "cryptography",
    }
)
"""What the extra ``sandbox`` brings: the absence of one of these means that the extra is not installed."""

FAILED, USAGE = 1, 2


def command(*, verbose: bool, start: str | None, **options: object) -> list[str]:
    """The command that `main` is.

    :param options: parameters of `Sandbox` that JSON can tell.
    """
    given = json.dumps({"verbose": verbose, "start": start, **options})
    # -P: a file of the user's in the working directory must not stand in for a module.
    return [sys.executable, "-P", "-m", "airflow_ack_sagemaker.sandbox", given]


def main(given: str) -> int:
    """Run a sandbox until the process is asked to end; gives the exit status.

    :param given: what `command` has put together.
    """
    end = threading.Event()
    # Before anything is started: a signal that comes early must not leave half of it behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    options = json.loads(given)
    _log(options.pop("verbose"))
    start = options.pop("start")
    try:
        from airflow_ack_sagemaker.sandbox.clock import LateClock
        from airflow_ack_sagemaker.sandbox.run import Sandbox, SandboxError

        try:
            clock = LateClock(datetime.fromisoformat(start).timestamp(), options["speed"]) if start else None
            running = Sandbox(clock=clock, **options).start()
        except (SandboxError, ValueError, OSError) as error:
            # What cannot work as it was asked for is wrong use; a port that is taken is a failure.
            status = USAGE if isinstance(error, ValueError) else FAILED
            return _refused(f"ack-sagemaker sandbox: {error}", status)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in MODULES:
            raise
        return _refused(
            f"The sandbox is not installed ({error.name} is missing): pip install 'airflow-ack-sagemaker[sandbox]'"
        )
    try:
        print(_addresses(running), flush=True)
        end.wait()
    finally:
        running.stop()
    return 0


def _refused(text: str, status: int = FAILED) -> int:
    print(printable(text), file=sys.stderr, flush=True)
    return status


def _log(verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    if not verbose:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _addresses(running: Sandbox) -> str:
    parts = ", ".join(sorted(running.components))
    lines = [f"The sandbox runs ({parts}), {running.clock.speed:g} times as fast as usual."]
    if running.kubernetes_url:
        lines.append(f"  Kubernetes  {running.kubernetes_url}")
    if running.aws is not None:
        lines.append(f"  AWS         {running.aws.url}")
    if running.environment:
        lines.append(f"To use it:    source {shlex.quote(str(running.directory / 'environment.sh'))}")
    return "\n".join([*lines, "End it with Ctrl-C."])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
