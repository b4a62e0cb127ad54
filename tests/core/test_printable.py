"""What a controller or a neighbour has written does nothing to the terminal of whoever reads it."""

from __future__ import annotations

from airflow_ack_sagemaker.core.printable import printable


def test_commands_to_a_terminal_are_written_out() -> None:
    assert printable("a\x1b]0;title\x07b") == "a\\x1b]0;title\\x07b"
    assert printable("\x9b31m \u202egnp.exe \ud800") == "\\x9b31m \\u202egnp.exe \\ud800"
    assert printable("\r") == "\\r"


def test_all_else_stays() -> None:
    text = "Überprüfung: 100 %\n\tweiter 日本 🚀"
    assert printable(text) == text
