"""What a controller or a neighbour has written does nothing to the terminal of whoever reads it."""

from __future__ import annotations

from airflow_ack_sagemaker.core.printable import printable


def test_commands_to_a_terminal_are_written_out() -> None:
    assert printable("a\x1b]0;title\x07b") == "a\\u001b]0;title\\u0007b"
    assert printable("\x9b31m \u202egnp.exe \ud800") == "\\u009b31m \\u202egnp.exe \\ud800"
    assert printable("a\u061cb\u200f") == "a\\u061cb\\u200f"
    assert printable("\r") == "\\u000d"


def test_all_else_stays() -> None:
    text = "Überprüfung: 100 %\n\tweiter 日本 🚀"
    assert printable(text) == text
