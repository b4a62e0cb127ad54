"""The command line's frame: the Typer application, its exit status, and what every command has in common.

A command is a function in a module of `cli/`. What it needs of the cluster, of AWS and of the core it imports inside:
`ack-sagemaker` has to start at once, whichever command is meant.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from enum import IntEnum, StrEnum
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from airflow_ack_sagemaker.cli.connection import Cluster
from airflow_ack_sagemaker.core.errors import AckError

app = typer.Typer(
    name="ack-sagemaker",
    help="Retrain SageMaker models through the ACK controller: definitions, pipelines, executions and endpoints.",
    epilog="Exit status: 0 done; 1 the command failed; 2 wrong use, nothing was done; 3 what was looked at is bad (a "
    "failed execution, an invalid definition, a difference, a finding); 4 the execution was stopped or deleted; 5 "
    "waited in vain; 130 interrupted.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


class Exit(IntEnum):
    """The exit status of every command."""

    DONE = 0
    FAILED = 1
    """The command failed: the cluster or AWS cannot be asked, or refuses."""
    USAGE = 2
    """Wrong use or bad input; nothing was done."""
    BAD = 3
    """The command worked, and what it looked at is bad: a failed execution, an invalid definition, a difference."""
    STOPPED = 4
    """The execution was stopped, or its resource was deleted."""
    TIMED_OUT = 5
    """The wait is over; what was waited for may still go on."""
    INTERRUPTED = 130
    """Ctrl-C, as shells count it."""


class DryRun(StrEnum):
    """What a command that writes does instead of writing."""

    NONE = "none"
    CLIENT = "client"
    """Nothing is sent: what would be written is shown."""
    SERVER = "server"
    """The API server checks everything and stores nothing."""


DryRunOption = Annotated[
    DryRun,
    typer.Option("--dry-run", help="client: show what would be written; server: let the API server check it as well."),
]


class InputError(AckError, ValueError):
    """What the user gave cannot work; nothing was done."""


class Interrupted(Exception):
    """Ctrl-C while following; the message says how to come back."""


DEFINITIONS = "Definitions"
EXECUTIONS = "Executions"
RESOURCES = "Resources"
LIFECYCLE = "Models and endpoints"
INSTALLATION = "Installation"

_CLUSTER_OPTIONS = {
    "namespace": Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NS", help="Namespace (default: the context's).")
    ],
    "kubeconfig": Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Default: as kubectl finds it; in a pod its own service account."),
    ],
    "context": Annotated[
        str | None, typer.Option(metavar="NAME", help="Context of the kubeconfig (default: its current one).")
    ],
    "kubernetes_conn_id": Annotated[
        str | None,
        typer.Option("--kubernetes-conn-id", metavar="ID", help="Airflow connection, instead of a kubeconfig."),
    ],
}


def command(name: str, panel: str, example: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command of the application.

    A first parameter named ``cluster`` becomes the options that choose a cluster. The function gives the exit status,
    None for 0. What it raises is told in one line on stderr.

    :param example: lines that a user can copy, shown at the end of the command's help.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        hints = get_type_hints(function, include_extras=True)
        parameters = [
            parameter.replace(annotation=hints[parameter.name])
            for parameter in signature.parameters.values()
            if parameter.name != "cluster"
        ]
        with_cluster = len(parameters) < len(signature.parameters)

        @wraps(function)
        def run(**arguments: Any) -> None:
            if with_cluster:
                arguments["cluster"] = Cluster(**{option: arguments.pop(option) for option in _CLUSTER_OPTIONS})
            raise typer.Exit(int(_guarded(lambda: function(**arguments))))

        if with_cluster:
            keyword = inspect.Parameter.KEYWORD_ONLY
            parameters += [
                inspect.Parameter(option, keyword, default=None, annotation=annotation)
                for option, annotation in _CLUSTER_OPTIONS.items()
            ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        shown = "\n\n".join(f"$ {line.strip()}" for line in example.strip().splitlines())
        app.command(name, rich_help_panel=panel, epilog=f"Example:\n\n{shown}")(run)
        return function

    return decorate


def _guarded(act: Callable[[], Any]) -> int:
    try:
        return int(act() or Exit.DONE)
    except Interrupted as interrupted:
        complain(str(interrupted))
        return Exit.INTERRUPTED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        sys.stderr.close()
        return Exit.DONE
    except Exception as error:
        if (status := status_of(error)) is None:
            raise
        complain(f"Error: {error}")
        return status


def status_of(error: BaseException) -> Exit | None:
    """The exit status that an error leads to; None for one that is a defect of this program."""
    from airflow_ack_sagemaker.core.definition.problems import DefinitionError
    from airflow_ack_sagemaker.core.resource.manifest import SpecError
    from airflow_ack_sagemaker.kube.errors import ConfigError, CredentialsError

    if isinstance(error, InputError | DefinitionError | SpecError):
        return Exit.USAGE
    if isinstance(error, ConfigError) and not isinstance(error, CredentialsError):
        return Exit.USAGE
    # boto3 is there only where something has asked AWS; its errors need no import.
    if isinstance(error, AckError | OSError) or type(error).__module__.partition(".")[0] in ("botocore", "boto3"):
        return Exit.FAILED
    return None


def complain(text: str) -> None:
    """Say something that is no result."""
    print(text, file=sys.stderr, flush=True)
