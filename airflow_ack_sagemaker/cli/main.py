"""``ack-sagemaker``: the command line. It imports Airflow only where a connection of Airflow is named."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from airflow_ack_sagemaker import __version__
from airflow_ack_sagemaker.cli import (  # noqa: F401, each module adds its commands
    definitions,
    doctor,
    executions,
    lifecycle,
    logs,
    resources,
    sandbox,
)
from airflow_ack_sagemaker.cli.app import app
from airflow_ack_sagemaker.cli.interrupts import no_interrupt_lost


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ack-sagemaker {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """The options before the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    try:
        with no_interrupt_lost():
            app(list(arguments) if arguments is not None else None, prog_name="ack-sagemaker")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


if __name__ == "__main__":
    sys.exit(main())
