"""Following what was launched or changed: until its end, with its steps where SageMaker can be asked for them.

Ctrl-C ends the following and nothing else.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from airflow_ack_sagemaker.cli.app import Exit, Interrupted, complain, error_text, status_of
from airflow_ack_sagemaker.cli.connection import Cluster, aws_client
from airflow_ack_sagemaker.cli.terminal import coloured
from airflow_ack_sagemaker.core.printable import printable

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.pages.step_states import StepState, StepView
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.core.resource.status import Outcome
    from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict
    from airflow_ack_sagemaker.follow.until import Judge
    from airflow_ack_sagemaker.kube.client import KubeClient

T = TypeVar("T")
STEP_INTERVAL = 5.0
"""Seconds between two questions to SageMaker: a step takes minutes, and ListPipelineExecutionSteps is throttled."""

Timeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0, help="Wait at most so long; what was asked for goes on."),
]
NoSteps = Annotated[bool, typer.Option("--no-steps", help="Do not ask SageMaker for an execution's steps.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not follow it to its end.")]


class Say:
    """A logger that says everything on stderr."""

    def info(self, event: str, /, *args: Any) -> None:
        complain(event % args if args else event)

    def warning(self, event: str, /, *args: Any) -> None:
        complain(f"Warning: {event % args if args else event}")


def deadlines_of(timeout: float | None, *, patient: bool = False) -> Deadlines:
    """How long is waited.

    :param timeout: seconds for all; None: for ever, except for what nobody reconciles.
    :param patient: bear ACK.Recoverable, which an endpoint's update says as long as it runs.
    """
    from airflow_ack_sagemaker.core.run.deadlines import RECONCILE_TIMEOUT, RECOVERABLE_TIMEOUT, Deadlines

    now = time.time()
    return Deadlines(
        reconcile_by=now + RECONCILE_TIMEOUT,
        recover_by=None if patient else now + RECOVERABLE_TIMEOUT,
        finish_by=None if timeout is None else now + timeout,
        unknown_seconds=RECOVERABLE_TIMEOUT,
    )


def exit_of(outcome: Outcome, verdict: Verdict) -> Exit:
    """The exit status that an ending leads to."""
    from airflow_ack_sagemaker.core.resource.status import State
    from airflow_ack_sagemaker.core.run.deadlines import Verdict

    if verdict is not Verdict.REACHED:
        return Exit.TIMED_OUT
    if outcome.state in (State.FAILED, State.REFUSED):
        return Exit.BAD
    return Exit.STOPPED if outcome.state in (State.STOPPED, State.GONE) else Exit.DONE


def follow(
    client: KubeClient,
    cluster: Cluster,
    kind: Kind,
    name: str,
    *,
    uid: str | None = None,
    deadlines: Deadlines,
    goal: Goal | None = None,
    steps: Steps | None = None,
    judge: Judge | None = None,
    look_again: bool = False,
) -> tuple[Outcome, Verdict]:
    """Follow one resource, saying on stderr what changes.

    :param steps: for an execution: shows its steps.
    :param judge: says what a state of it means, where that depends on what was asked for.
    :param look_again: every few seconds, since the same state may come to mean something else.
    :raises Interrupted: Ctrl-C; what was followed goes on.
    :raises KubeError: the cluster cannot be asked.
    """
    from airflow_ack_sagemaker.core.run.deadlines import Goal, verdict_of
    from airflow_ack_sagemaker.follow.until import wait

    said: list[str] = []

    def tell(outcome: Outcome) -> None:
        text = f"{kind.singular}/{name}: {outcome.sagemaker_status or outcome.state}"
        if said[-1:] != [text]:
            said.append(text)
            complain(text)

    wanted = goal or Goal.FINISHED
    try:
        with steps or nullcontext():
            while True:
                again = (steps is not None and steps.askable) or look_again
                until = time.time() + STEP_INTERVAL if again else None
                outcome, verdict = wait(
                    client,
                    kind,
                    name,
                    namespace=client.namespace,
                    uid=uid,
                    deadlines=deadlines,
                    goal=wanted,
                    until=until,
                    on_change=tell,
                    judge=judge,
                )
                if steps is not None:
                    steps.look(outcome)
                if until is None or verdict_of(outcome, deadlines, time.time(), goal=wanted) is not None:
                    return outcome, verdict
    except KeyboardInterrupt:
        raise Interrupted(f"\n{_come_back(kind, name, wanted, cluster)}") from None


def _come_back(kind: Kind, name: str, goal: Goal, cluster: Cluster) -> str:
    from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
    from airflow_ack_sagemaker.core.run.deadlines import Goal

    resource = f"{kind.singular}/{shlex.quote(name)}{cluster.arguments}"
    if goal is Goal.GONE:
        return f"The deletion goes on. See whether it is gone: ack-sagemaker get {resource}"
    if kind is not PIPELINE_EXECUTION:
        what = "The job goes on" if kind.is_job else "What was asked for goes on"
        return f"{what}. Come back to it: ack-sagemaker wait {resource}"
    return (
        f"The execution goes on. Come back to it: ack-sagemaker wait {resource}\n"
        f"Stop it: ack-sagemaker stop {shlex.quote(name)}{cluster.arguments}"
    )


def tell_ending(outcome: Outcome, verdict: Verdict, *, goal: Goal | None = None) -> None:
    """Say on stderr how it ended, where that is not a success."""
    from airflow_ack_sagemaker.core.run.endings import ending

    if exit_of(outcome, verdict) is not Exit.DONE and goal is None:
        complain(ending(outcome, verdict))


class Steps(AbstractContextManager["Steps"]):
    """The steps of an execution as they change: a live table on a terminal, else a line for each change.

    :param definition: the text that it runs; "": only what SageMaker lists is shown.
    """

    def __init__(self, *, definition: str, aws_conn_id: str | None, selected: Sequence[str] | None = None) -> None:
        self.askable = True
        self._aws_conn_id = aws_conn_id
        self._definition = definition
        self._selected = selected
        self._client: Any = None
        self._said: dict[str, str | None] = {}
        self._live: Any = None

    def __enter__(self) -> Steps:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=coloured(sys.stderr)), refresh_per_second=2, transient=False)
            self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.__exit__(*error)
            self._live = None

    def look(self, outcome: Outcome) -> None:
        """Ask SageMaker once and show what is new. That it cannot be asked is said once, and changes nothing."""
        if not self.askable or outcome.arn is None:
            return
        try:
            if self._client is None:
                self._client = aws_client("sagemaker", aws_conn_id=self._aws_conn_id, region=outcome.region)
            views = self._views(step_states(self._client, outcome.arn), over=outcome.finished)
        except Exception as error:  # whatever AWS or its credentials say: the execution is followed all the same
            self.askable = False
            complain(f"Steps are not shown, since SageMaker cannot be asked: {error}")
            return
        if self._live is not None:
            self._live.update(_step_table(views))
            return
        for view in views:
            if view.status not in (None, "NotStarted") and self._said.get(view.name) != view.status:
                self._said[view.name] = view.status
                complain(f"  {view.name}: {view.status}{f' ({view.reason})' if view.reason else ''}")

    def _views(self, states: Sequence[StepState], *, over: bool) -> Sequence[StepView]:
        return step_views(self._definition, states, over=over, selected=self._selected)


def step_states(client: Any, arn: str) -> list[StepState]:
    """The steps that SageMaker lists.

    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    from airflow_ack_sagemaker.aws.steps import listed_steps
    from airflow_ack_sagemaker.core.pages.step_states import state_of

    return [state_of(step, _time_text) for step in listed_steps(client, arn)]


def step_views(
    definition: str, states: Sequence[StepState], *, over: bool, selected: Sequence[str] | None
) -> Sequence[StepView]:
    """The steps of a definition as they stand."""
    from airflow_ack_sagemaker.core.definition.parse import DefinitionError, parse_definition
    from airflow_ack_sagemaker.core.pages.step_states import StepView, picture_of, with_states

    picture = picture_of((), (), ())
    try:
        if definition:
            parsed = parse_definition(definition, filled=True)
            steps = [
                # The steps of a loop's body are in no branch: they run each time.
                StepView(
                    step.name, step.type, parent=step.parent, branch=None if step.branch == "body" else step.branch
                )
                for step in parsed.steps
            ]
            picture = picture_of(steps, parsed.graph.edges, parsed.graph.order())
    except DefinitionError:  # SageMaker may know more than this version: what it lists is shown
        pass
    return with_states(picture, states, over=over, selected=selected)


def _time_text(time: object) -> str | None:
    from airflow_ack_sagemaker.core.resource.times import text_of

    return text_of(time) if isinstance(time, datetime) else None


def _step_table(views: Sequence[StepView]) -> Any:
    from rich.table import Table
    from rich.text import Text

    styles = {"Succeeded": "green", "Failed": "red", "Stopped": "yellow", "Executing": "cyan", "Skipped": "dim"}
    table = Table("STEP", "TYPE", "STATUS", "", box=None, pad_edge=False, header_style="bold")
    for view in views:
        status = view.status or ""
        table.add_row(
            Text(printable(view.name)),
            Text(printable(view.type)),
            Text(printable(status), style=styles.get(status, "")),
            Text(printable(view.reason or "")),
        )
    return table


def each(names: Iterable[T], act: Callable[[T], Exit], left: Callable[[Sequence[T]], str] | None = None) -> Exit:
    """Do the same for several names: all of them, whatever becomes of one. The first status that is not 0 counts.

    :param left: says how to go on with those that were not begun when Ctrl-C came; None: nothing was to be begun.
    :raises Interrupted: Ctrl-C.
    """
    worst = Exit.DONE
    todo = list(names)
    while todo:
        name = todo.pop(0)
        try:
            status = act(name)
        except (Interrupted, KeyboardInterrupt) as interrupted:
            if left is None or not todo:
                raise
            raise type(interrupted)(f"{interrupted}\n{left(todo)}") from None
        except Exception as error:
            found = status_of(error)
            if found is None:
                raise
            complain(error_text(error))
            status = found
        worst = worst or status
    return worst


def selected_steps(resource: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The steps that an execution is limited to; None: all."""
    from airflow_ack_sagemaker.core.run.retry_steps import selective_of

    selective = selective_of(resource)
    return None if selective is None else selective.steps


def definition_text(client: KubeClient, execution: Mapping[str, Any]) -> str:
    """The definition of an execution's pipeline as its resource has it now; "" where there is none to read."""
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.identity import pipeline_resource_name
    from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
    from airflow_ack_sagemaker.kube.errors import Forbidden, NotFound

    try:
        pipeline = client.get(PIPELINE, pipeline_resource_name(fields.pipeline_name(execution) or "x"))
    except (NotFound, Forbidden):
        return ""
    return str(fields.spec(pipeline).get("pipelineDefinition") or "")
