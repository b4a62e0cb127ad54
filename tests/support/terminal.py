"""A command on a terminal: what it prints there, what then stands on the screen, and a picture of that."""

from __future__ import annotations

import fcntl
import io
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer

from rich.console import Console
from rich.text import Text

from harness.waiting import HUNG

_PIECE = re.compile(
    r"(?P<colour>\x1b\[[\d;]*m)|(?P<up>\x1b\[(?P<lines>\d+)A)|(?P<erase>\x1b\[2K)|(?P<cursor>\x1b\[\?25[hl])"
    r"|(?P<home>\r)|(?P<down>\n)|(?P<text>[^\x00-\x1f\x7f]+)"
)
"""All that our commands and rich's live tables send."""
_FONT = re.compile(r"\s*@font-face \{.*?\}|\s*<!--.*?-->", re.DOTALL)
"""What rich's picture would ask others for, and its advertisement. A font of the reader's does as well."""


def on_terminal(command: Sequence[str], environment: Mapping[str, str], folder: Path, columns: int) -> tuple[int, str]:
    """Run a command on a terminal of so many columns: its exit status, and what it has printed."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as read:
        with open(theirs, "wb", buffering=0) as terminal:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
            variables = {**environment, "TERM": "xterm-256color"}
            process = subprocess.Popen(
                command, cwd=folder, env=variables, stdin=terminal, stdout=terminal, stderr=terminal
            )
        hung = Timer(HUNG, process.kill)
        hung.start()
        printed = b""
        try:
            while piece := read.read(65536):
                printed += piece
        except OSError:  # Linux's way to say that nobody has the terminal open any more
            pass
        finally:
            hung.cancel()
            status = process.wait()
    return status, printed.decode()


def screen(printed: str) -> list[str]:
    """The lines that stand on the screen at the end, with their colours.

    :raises ValueError: it has printed what this does not know, or over what stood there.
    """
    lines, line, at_home, at = [""], 0, True, 0
    while at < len(printed):
        piece = _PIECE.match(printed, at)
        if piece is None:
            raise ValueError(f"What does a terminal make of {printed[at : at + 20]!r}?")
        at = piece.end()
        match piece.lastgroup:
            case "text" | "colour" if at_home and lines[line]:
                raise ValueError(f"{piece[0]!r} is printed over {lines[line]!r}.")
            case "text" | "colour":
                lines[line] += piece[0]
                at_home = False
            case "home":
                at_home = True
            case "erase":
                lines[line] = ""
            case "up":
                line -= int(piece["lines"])
            case "down":
                line += 1
                lines += [""] * (line == len(lines))
    return lines


def svg(typed: str, printed: str, columns: int) -> str:
    """A picture of the screen after a command line and what that has printed."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(Text(f"$ {typed}", style="bold"))
    for line in Text.from_ansi("\n".join(screen(printed)).rstrip()).split():
        for part in line.divide(range(columns, len(line), columns)):  # a terminal breaks amid words, rich does not
            console.print(part)
    return _FONT.sub("", console.export_svg(title=typed.split()[0]))
