"""The command line's frame: the Typer application, its exit status, and what every command has in common.

A command is a function in a module of `cli/`. What it needs of the cluster, of AWS and of the core it imports inside:
`ack-sagemaker` has to start at once, whichever command is meant.
"""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable
from contextvars import ContextVar
from enum import IntEnum, StrEnum
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from airflow_ack_sagemaker.cli.connection import Cluster
from airflow_ack_sagemaker.cli.terminal import plain_output
from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.core.printable import printable

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


_called: ContextVar[typer.Context] = ContextVar("_called")


def again(**changed: Any) -> str:
    """The command that runs, as a line that a user can copy.

    :param changed: other values of its arguments and options, by their names: the names that are still to be done.
    """
    context = _called.get()
    words, options = [], []
    for parameter in context.command.params:
        name = str(parameter.name)
        value = changed.get(name, context.params.get(name))
        values = value if isinstance(value, list | tuple) else [value]
        if parameter.param_type_name == "argument":
            words += [str(one) for one in values if one is not None]
        elif value is True:
            options.append(parameter.opts[0])
        elif value is not False and value != parameter.get_default(context):
            options += [text for one in values if one is not None for text in (parameter.opts[0], str(one))]
    return shlex.join(["ack-sagemaker", str(context.info_name), *words, *options])


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
        keyword = inspect.Parameter.KEYWORD_ONLY

        @wraps(function)
        def run(called: typer.Context, **arguments: Any) -> None:
            _called.set(called)
            if with_cluster:
                arguments["cluster"] = Cluster(**{option: arguments.pop(option) for option in _CLUSTER_OPTIONS})
            writes = arguments.get("dry_run") is DryRun.NONE and arguments.get("fix", True)
            with plain_output():
                status = _guarded(lambda: function(**arguments), writes=writes)
            raise typer.Exit(status)

        if with_cluster:
            parameters += [
                inspect.Parameter(option, keyword, default=None, annotation=annotation)
                for option, annotation in _CLUSTER_OPTIONS.items()
            ]
        parameters.append(inspect.Parameter("called", keyword, annotation=typer.Context))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        shown = "\n\n".join(f"$ {line.strip()}" for line in example.strip().splitlines())
        app.command(name, rich_help_panel=panel, epilog=f"Example:\n\n{shown}")(run)
        return function

    return decorate


def _guarded(act: Callable[[], Any], *, writes: bool) -> int:
    try:
        return int(act() or Exit.DONE)
    except Interrupted as interrupted:
        complain(str(interrupted))
        return Exit.INTERRUPTED
    except KeyboardInterrupt as interrupted:  # not while following: its text says what was not begun
        unknown = "Whether it was done is not known: look (ack-sagemaker list, get) before you do it again."
        complain("\n".join(["", *([unknown] if writes else []), *filter(None, [str(interrupted).strip()])]))
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        sys.stderr.close()
        return Exit.DONE
    except Exception as error:
        if (status := status_of(error)) is None:
            raise
        complain(error_text(error))
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


def error_text(error: BaseException) -> str:
    """How an error is told: its message, and the notes that the command line has made to it."""
    return "\n".join([f"Error: {error}", *getattr(error, "__notes__", ())])


def complain(text: str) -> None:
    """Say something that is no result."""
    print(printable(text), file=sys.stderr, flush=True)
