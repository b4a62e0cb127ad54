"""What all servers have in common, and that those which are installed answer."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from harness.postgresql import PostgreSQL
from harness.process import ProcessEnded
from harness.redis import Redis
from harness.servers import Servers, free_port
from harness.waiting import wait_until


class Pair(Servers):
    """Two parts; the second one is ready when the first one has been for as many looks as it is told."""

    names = ("first", "second")
    asked_every = 0.01

    def __init__(self, folder: Path | None = None, second: str = "import time; time.sleep(600)") -> None:
        super().__init__(folder)
        self.prepared = 0
        self.looks = 0
        self._second = second

    def _prepare(self) -> None:
        self.prepared += 1

    def _command(self, name: str) -> Sequence[str]:
        program = "import time; print('it runs', flush=True); time.sleep(600)" if name == "first" else self._second
        return [sys.executable, "-c", program]

    def _is_ready(self, name: str) -> bool:
        if name == "first":
            return "it runs" in self.part(name).tail()
        self.looks += 1
        return self.looks > 3


def pid(pair: Pair, name: str) -> int:
    [process] = wait_until(lambda: pair.part(name).processes(), 60, f"the process of {name}")
    return process.pid


def test_all_is_ready_inside_and_gone_after(tmp_path: Path) -> None:
    with Pair(tmp_path) as pair:
        assert pair.looks == 4
        assert pair.ready()
        pids = [pid(pair, name) for name in pair.names]
        assert (tmp_path / "output" / "first.log").read_text() == "it runs\n"
    assert not any(map(psutil.pid_exists, pids))
    assert (tmp_path / "output").is_dir()
    pair.close()


def test_a_folder_of_its_own_goes_with_it() -> None:
    pair = Pair()
    with pytest.raises(RuntimeError, match="Pair was not started"):
        pair.folder  # noqa: B018
    with pair:
        folder = pair.folder
        assert (folder / "output" / "second.log").exists()
    assert not folder.exists()
    with pair:
        assert pair.folder != folder
    assert pair.prepared == 2


def test_a_part_ends_and_starts_alone(tmp_path: Path) -> None:
    with Pair(tmp_path) as pair:
        first, second = pid(pair, "first"), pid(pair, "second")
        pair.stop("first", number=signal.SIGKILL)
        assert not psutil.pid_exists(first)
        with pytest.raises(ProcessEnded, match="first ended with exit code 137"):
            pair.ready()
        assert pair.ready("second")
        pair.start()
        pair.wait_ready()
        assert pid(pair, "first") != first
        assert pid(pair, "second") == second, "what runs is not started again"
        assert pair.prepared == 1


def test_who_ends_at_the_start_is_told_and_the_others_end(tmp_path: Path) -> None:
    pair = Pair(tmp_path, second="import sys; sys.exit('no such file')")
    pair.looks = -(10**9)  # it is never ready, however late it ends
    with pytest.raises(ProcessEnded, match=r"second ended with exit code 1(?s:.*)no such file"), pair:
        raise AssertionError("it is ready")
    assert not pair.part("first").running


def test_who_is_not_ready_in_time_is_told_and_ends(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.looks = -(10**9)
    pair.start()
    with pytest.raises(TimeoutError, match=r"second to be ready:\n--- first(?s:.*)--- second"):
        pair.wait_ready("second", timeout=0.1)
    pair.close()
    assert not pair.part("first").running


def test_postgresql_has_the_databases_that_are_made() -> None:
    with PostgreSQL() as server:
        folder = server.folder
        with closing(psycopg2.connect(server.create("one").replace("+psycopg2", ""))) as connection:
            connection.cursor().execute("CREATE TABLE kept (id int)")
            connection.commit()
        copy = server.create("two", template="one").replace("+psycopg2", "")
        with closing(psycopg2.connect(copy)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
            assert cursor.fetchone() == (0,)
    assert not folder.exists()


def test_redis_is_empty() -> None:
    import redis

    with Redis() as server, closing(redis.Redis.from_url(server.url)) as client:
        assert client.keys() == []


def test_a_port_that_another_process_was_given_is_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from harness.servers import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        offered = [theirs]

        class Socket(socket.socket):
            """The system offers first what the other has not opened yet."""

            def bind(self, address: tuple[str, int]) -> None:  # type: ignore[override]
                super().bind((address[0], offered.pop() if offered else 0))

        monkeypatch.setattr("harness.servers.socket.socket", Socket)
        ours = free_port()
        assert offered == []
        assert ours != theirs
        other.stdin.close()
