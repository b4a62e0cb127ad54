"""The terminal, to which much is written that others wrote: names, reasons, a container's log. It obeys what it gets.

So whatever a command prints goes through here; what is not text is written out. Only our own colours go around it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from airflow_ack_sagemaker.core.printable import printable


@contextmanager
def plain_output() -> Iterator[None]:
    """Within it nothing but text reaches standard output and standard error."""
    with redirect_stdout(_plain(sys.stdout)), redirect_stderr(_plain(sys.stderr)):
        yield


def coloured(stream: TextIO) -> TextIO:
    """The stream for colours: what is written to it is ours, or has passed `printable`."""
    return stream.stream if isinstance(stream, _Plain) else stream


class _Plain:
    """A stream that writes text only."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(printable(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _plain(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, _Plain) else cast(TextIO, _Plain(stream))
