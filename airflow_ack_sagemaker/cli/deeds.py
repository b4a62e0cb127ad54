"""What a command did with each of several resources: a sentence for people, the same as data for programs."""

from __future__ import annotations

from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_ack_sagemaker.cli.output import Output, show_rows

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind


class Result(StrEnum):
    """What has become of what was asked for."""

    DONE = "done"
    """It is so, as the controller or SageMaker says."""
    ASKED = "asked"
    """It is asked for, and nobody has waited for it, or in vain."""
    WOULD_BE = "would-be"
    """A dry run."""
    NOTHING = "nothing"
    """There was nothing to do."""
    FAILED = "failed"
    """It came to a bad end."""


class Deeds:
    """The deeds of one command; a context manager that prints them as data at its end. Sentences come at once."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._output is not Output.TABLE:
            show_rows(self._rows, {}, self._output)

    def add(self, kind: Kind, name: str, namespace: str, result: Result, message: str) -> None:
        """One more.

        :param message: the whole sentence.
        """
        resource = f"{kind.singular}/{name}"
        row = {"resource": resource, "kind": kind.kind, "name": name, "namespace": namespace}
        self._rows.append({**row, "result": result.value, "message": message})
        if self._output is Output.TABLE:
            print(message, flush=True)
