"""What ``watch`` and ``run`` make of servers that fail, and of a person who ends them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.cli.watching import executions
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.errors import Forbidden, Unreachable
from airflow_ack_sagemaker.kube.retry import NO_RETRY
from tests.cli.world import Cli
from tests.kube.objects import config, event, listed, stored
from tests.kube.servers import HttpServer, Seen

GONE = {"kind": "Status", "code": 410, "reason": "Expired"}


def told(client: KubeClient, count: int, *names: str, pipeline: str | None = None) -> list[tuple[str, str, bool]]:
    """Name, status and whether it is there, of so many changes."""
    with closing(executions(client, pipeline=pipeline, names=names)) as changes:
        return [
            (fields.name(one), str(fields.status_text(one, "pipelineExecutionStatus")), is_there)
            for one, is_there in islice(changes, count)
        ]


def test_outages_are_waited_out_and_what_was_missed_is_told() -> None:
    other: dict[str, Any] = stored("other", 1)
    other["spec"]["pipelineName"] = "another"

    def behave(seen: Seen) -> None:
        match seen.number:
            case 0:
                seen.answer(listed(5, stored("a", 3), stored("b", 4), other, page="more"))
            case 1:
                seen.answer(listed(5, stored("c", 2)))
            case 2:
                seen.stream(event("MODIFIED", stored("a", 6, "Stopping")), event("DELETED", stored("c", 7)), b'{"ty')
            case 3:
                seen.hang_up()
            case 4:
                assert seen.query["resourceVersion"] == "7"
                seen.stream(event("ERROR", GONE))
            case 5:
                seen.refuse(503)
            case 6:  # nothing has changed but that b is gone
                seen.answer(listed(9, stored("a", 6, "Stopping"), other))
            case _:
                seen.stream(event("ADDED", stored("b", 10)))

    with (
        HttpServer(behave) as server,
        KubeClient(config(server.url), retry=NO_RETRY, sleep=lambda _: None) as client,
    ):
        assert told(client, 7, pipeline="p") == [
            ("a", "Executing", True),
            ("b", "Executing", True),
            ("c", "Executing", True),
            ("a", "Stopping", True),
            ("c", "Executing", False),
            ("b", "Executing", False),
            ("b", "Executing", True),
        ]


def test_a_cluster_that_has_never_answered_is_not_waited_for() -> None:
    pauses: list[float] = []
    with (
        KubeClient(config("http://127.0.0.1:1"), retry=NO_RETRY, sleep=pauses.append) as client,
        pytest.raises(Unreachable, match="connection refused"),
    ):
        told(client, 1)
    assert sum(pauses) == 0


def test_rights_to_one_execution_suffice_for_one() -> None:
    def behave(seen: Seen) -> None:
        if seen.path.endswith("/a"):
            seen.answer(stored("a", seen.number, "Succeeded"))
        else:
            seen.refuse(403, "Forbidden")

    with (
        HttpServer(behave) as server,
        KubeClient(config(server.url), retry=NO_RETRY, sleep=lambda _: None) as client,
    ):
        assert told(client, 2, "a") == [("a", "Succeeded", True)] * 2
        with pytest.raises(Forbidden):
            told(client, 1, "a", "b")
        with pytest.raises(Forbidden):
            told(client, 1, "b")


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """A shell's background job ignores Ctrl-C, and all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_amid_a_launch_says_where_to_look(alone: Cli, tmp_path: Path) -> None:
    """Nobody knows then whether the API server has it."""

    def behave(seen: Seen) -> None:
        if seen.path.endswith("/pipelineexecutions"):
            os.kill(os.getpid(), signal.SIGINT)
            server.hang()  # an answer could come before the signal is heeded
        else:
            seen.refuse(403, "Forbidden")

    with HttpServer(behave) as server:
        path = kubeconfig(tmp_path, server)
        said = alone("run", "p", "--name", "mine", "--kubeconfig", str(path))
    assert said.status == 130
    assert f"ack-sagemaker get pipelineexecution/mine --kubeconfig '{path}'" in said.err


@pytest.mark.parametrize(("created", "is_mine"), [("2020-01-01T00:00:00Z", False), ("2999-01-01T00:00:00Z", True)])
def test_what_has_the_name_is_no_launch_of_today(alone: Cli, tmp_path: Path, created: str, is_mine: bool) -> None:
    """The reply to the launch is lost, and an execution has the name that a person gave it."""
    there: dict[str, Any] = stored("mine", 1, "Succeeded")
    there["metadata"]["creationTimestamp"] = created

    def behave(seen: Seen) -> None:
        if seen.method == "POST":
            seen.hang_up()
        elif seen.path.endswith("/mine"):
            seen.answer(there)
        else:
            seen.refuse(403, "Forbidden")

    with HttpServer(behave) as server:
        path = kubeconfig(tmp_path, server)
        said = alone("run", "p", "--name", "mine", "--no-wait", "-o", "name", "--kubeconfig", str(path))
    assert (said.status, said.out) == ((0, "pipelineexecution/mine\n") if is_mine else (1, ""))
    look = f"Look for it: ack-sagemaker get pipelineexecution/mine --kubeconfig '{path}'"
    assert (f"Whether it was launched is not known. {look}" in said.err) is not is_mine


def test_a_launch_that_nobody_answers_may_be_done(alone: Cli, tmp_path: Path) -> None:
    def behave(seen: Seen) -> None:
        if seen.path.endswith(("/pipelineexecutions", "/mine")):
            seen.hang_up()
        else:
            seen.refuse(403, "Forbidden")

    with HttpServer(behave) as server:
        said = alone("run", "p", "--name", "mine", "--kubeconfig", str(kubeconfig(tmp_path, server)))
    assert said.status == 1
    assert "Cannot create PipelineExecution default/mine" in said.err
    assert "\nWhether it was launched is not known. Look for it: ack-sagemaker get pipelineexecution/mine" in said.err


@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize(
    ("deed", "said_so"),
    [
        ("delete pipeline/p", True),
        ("delete pipeline/p pipeline/q", True),
        ("delete pipeline/p --dry-run server", False),
        ("get pipeline/p", False),
        ("doctor --no-aws", False),
        ("doctor --no-aws --fix", True),
    ],
)
def test_ctrl_c_amid_a_request_says_whether_it_may_be_done(
    alone: Cli, tmp_path: Path, deed: str, said_so: bool
) -> None:
    def behave(_: Seen) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        server.hang()

    with HttpServer(behave) as server:
        said = alone(*deed.split(), "--kubeconfig", str(kubeconfig(tmp_path, server)))
    assert said.status == 130
    assert ("Whether it was done is not known" in said.err) is said_so
    assert ("Not deleted: ack-sagemaker delete pipeline/q " in said.err) is ("pipeline/q" in deed)


def kubeconfig(folder: Path, server: HttpServer) -> Path:
    """A kubeconfig whose name has a space, of a server without any credential."""
    user = {"name": "u", "user": {}}
    cluster = {"name": "c", "cluster": {"server": server.url}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    path = folder / "a kubeconfig"
    path.write_text(json.dumps({"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "x"}))
    return path
