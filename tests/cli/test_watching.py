"""What ``watch`` is told of executions, from servers that fail."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import Any

import pytest

from airflow_ack_sagemaker.cli.watching import executions
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.errors import Forbidden, Unreachable
from airflow_ack_sagemaker.kube.retry import NO_RETRY
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
