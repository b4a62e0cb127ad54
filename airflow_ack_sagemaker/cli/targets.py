"""Which resources a command means: ``KIND/NAME``, ``KIND NAME...`` as with kubectl, or the name of an execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from airflow_ack_sagemaker.cli.app import InputError
from airflow_ack_sagemaker.core.resource.kinds import GROUP, KINDS, PIPELINE_EXECUTION, Kind

Targets = Annotated[
    list[str],
    typer.Argument(metavar="[KIND] NAME...", help="KIND/NAME, KIND NAME..., or names of executions."),
]
Executions = Annotated[list[str], typer.Argument(metavar="EXECUTION...", help="Names of PipelineExecutions.")]

_SHORT = {"execution": PIPELINE_EXECUTION, "executions": PIPELINE_EXECUTION}


@dataclass(frozen=True, slots=True)
class Target:
    """One resource."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.singular}/{self.name}"


def kind_named(text: str) -> Kind | None:
    """The kind that a user means by its name, singular or plural, in any case; None: it is none."""
    wanted = text.lower().partition(".")[0]
    if wanted in _SHORT:
        return _SHORT[wanted]
    return next((kind for kind in KINDS.values() if wanted in (kind.singular, kind.plural)), None)


def need_kind(text: str) -> Kind:
    """`kind_named`. :raises InputError: it is none."""
    kind = kind_named(text)
    if kind is None:
        known = ", ".join(sorted(one.plural for one in KINDS.values()))
        raise InputError(f"{text!r} is not a kind of the ACK SageMaker controller. There are executions, {known}.")
    return kind


def targets_of(texts: Sequence[str]) -> list[Target]:
    """The resources that a command's arguments mean.

    :raises InputError: an unknown kind, or a kind without a name.
    """
    of_group = len(texts) == 1 and texts[0].partition(".")[2] in ("", GROUP)
    if of_group and (alone := kind_named(texts[0])) is not None:
        raise InputError(
            f"{texts[0]!r} is a kind: name one or more of it, or list them with ack-sagemaker list {alone.plural}. An "
            f"execution that is called so is {PIPELINE_EXECUTION.singular}/{texts[0]}."
        )
    return _targets(texts)


def _targets(texts: Sequence[str]) -> list[Target]:
    kind = PIPELINE_EXECUTION
    if texts and "/" not in texts[0] and (found := kind_named(texts[0])) is not None and len(texts) > 1:
        kind, texts = found, texts[1:]
    targets = []
    for text in texts:
        before, slash, name = text.rpartition("/")
        if slash and not (before and name):
            raise InputError(f"{text!r} is not KIND/NAME.")
        targets.append(Target(need_kind(before) if slash else kind, name))
    return targets


def common_kind(targets: Sequence[Target]) -> Kind | None:
    """The kind of all of them; None: they are of several, or there are none."""
    kinds = {target.kind for target in targets}
    return kinds.pop() if len(kinds) == 1 else None


def execution_names(texts: Sequence[str]) -> list[str]:
    """Names of executions; ``pipelineexecution/NAME`` is one, too. :raises InputError: another kind."""
    found = _targets(texts)
    for target in found:
        if target.kind is not PIPELINE_EXECUTION:
            raise InputError(f"{target.kind.singular}/{target.name} is not an execution.")
    return [target.name for target in found]
