"""The plugin as every process of Airflow sees it, and its option."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import os
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI

from airflow_ack_sagemaker.plugin import LazyApp, SageMakerPlugin
from airflow_ack_sagemaker.plugin.settings import ClusterSetting, SettingsError, clusters, read

pytestmark = pytest.mark.floor

IMPORT = """
import sys
import airflow.plugins_manager
before = set(sys.modules)
import airflow_ack_sagemaker.plugin
print(" ".join(sorted(set(sys.modules) - before)))
"""


def test_importing_it_imports_nothing_else() -> None:
    """Each try of a task is a process that does so."""
    done = subprocess.run([sys.executable, "-c", IMPORT], env=os.environ, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"airflow_ack_sagemaker"} == {"airflow_ack_sagemaker.plugin"}


def test_airflow_finds_it() -> None:
    (entry,) = importlib.metadata.distribution("airflow-ack-sagemaker").entry_points.select(group="airflow.plugins")
    assert entry.load() is SageMakerPlugin


def test_without_the_option_it_is_the_default_cluster() -> None:
    assert clusters() == (ClusterSetting("kubernetes_default"),)


def test_the_option_is_read() -> None:
    text = '[{"kubernetes_conn_id": "a", "namespace": "ml", "aws_conn_id": "b"}, {"kubernetes_conn_id": "a"}]'
    assert read(text) == (ClusterSetting("a", "ml", "b"), ClusterSetting("a"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON"),
        ("{}", "must be a list"),
        ("[]", "must be a list"),
        ("[1]", "has 1 where an object is needed"),
        ("[{}]", "without kubernetes_conn_id"),
        ('[{"kubernetes_conn_id": ""}]', "without kubernetes_conn_id"),
        ('[{"kubernetes_conn_id": 1}]', "has 1 as kubernetes_conn_id"),
        ('[{"kubernetes_conn_id": "a", "aws": "b"}]', "unknown name 'aws'"),
        ('[{"kubernetes_conn_id": "a"}, {"kubernetes_conn_id": "a"}]', "twice"),
    ],
)
def test_a_wrong_option_says_what_and_where_and_how(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match="ack_sagemaker") as caught:
        read(text)
    assert says in str(caught.value)
    assert "Write it like" in str(caught.value)


async def test_a_hundred_first_requests_build_the_application_once() -> None:
    """Each building is most of a second's work; a hundred of them held up all of Airflow's API."""
    app = LazyApp()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
        answers = await asyncio.gather(*(client.get("/nothing") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {404}
    gc.unfreeze()  # the application freezes what there is when it is built
    assert sum(type(each) is FastAPI and each.title == "ACK SageMaker" for each in gc.get_objects()) == 1


async def test_who_gives_up_the_first_request_does_not_end_it_for_others() -> None:
    app = LazyApp()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
        first = asyncio.create_task(client.get("/nothing"))
        second = asyncio.create_task(client.get("/nothing"))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status_code == 404
