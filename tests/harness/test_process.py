"""A guarded process leaves nothing behind, however it or its owner ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.process import GuardedProcess, ProcessEnded
from harness.waiting import wait_until

# Starts a grandchild in a session of its own, as Airflow's supervisors do, and says so.
STARTS_A_GRANDCHILD = """
import pathlib, signal, subprocess, sys, time
{extra}
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path({file!r}).write_text(str(grandchild.pid))
{then}
"""
ROOT = Path(__file__).parents[2]


def start(folder: Path, then: str = "time.sleep(600)", extra: str = "", grace: float = 10.0) -> GuardedProcess:
    script = STARTS_A_GRANDCHILD.format(file=str(folder / "pid"), then=then, extra=extra)
    return GuardedProcess("it", [sys.executable, "-c", script], os.environ, folder / "output.log", grace)


def grandchild(folder: Path) -> int:
    file = folder / "pid"
    return int(wait_until(lambda: file.read_text() if file.exists() else None, 120, "the grandchild"))


def gone(pid: int) -> Callable[[], bool]:
    def is_gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return is_gone


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_stop_ends_all_generations(tmp_path: Path, number: int) -> None:
    process = start(tmp_path)
    pid = grandchild(tmp_path)
    assert pid in [each.pid for each in process.processes()]
    process.stop(number)
    assert gone(pid)()
    assert not process.running


def test_who_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    process = start(tmp_path, extra="signal.signal(signal.SIGTERM, signal.SIG_IGN)", grace=0.2)
    pid = grandchild(tmp_path)
    process.stop()
    assert gone(pid)()


def test_end_of_the_command_ends_its_orphans_and_is_reported(tmp_path: Path) -> None:
    process = start(tmp_path, then="print('the last words'); sys.exit(3)")
    pid = grandchild(tmp_path)
    wait_until(lambda: not process.running, 120, "the command to end")
    assert gone(pid)()
    with pytest.raises(ProcessEnded, match=r"it ended with exit code 3(?s:.*)the last words"):
        process.check()
    process.stop()


def test_kill_of_the_owner_ends_everything(tmp_path: Path) -> None:
    script = STARTS_A_GRANDCHILD.format(file=str(tmp_path / "pid"), then="time.sleep(600)", extra="")
    owner = f"""
import os, pathlib, sys, time
from harness.process import GuardedProcess
GuardedProcess("it", [sys.executable, "-c", {script!r}], os.environ, pathlib.Path({str(tmp_path / "output.log")!r}))
time.sleep(600)
"""
    running = subprocess.Popen([sys.executable, "-c", owner], cwd=ROOT)
    pid = grandchild(tmp_path)
    running.kill()
    running.wait()
    wait_until(gone(pid), 120, "the grandchild to end")
