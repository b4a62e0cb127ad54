"""What the pages ask AWS, if a cluster names a connection. Each thing is asked once for all viewers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.config import Config

from airflow_ack_sagemaker.aws.logs import LogLine, tail_of
from airflow_ack_sagemaker.aws.s3 import S3Source, current_version, fetch_definition
from airflow_ack_sagemaker.aws.steps import listed_steps
from airflow_ack_sagemaker.core.pages.step_states import StepState, state_of
from airflow_ack_sagemaker.core.resource.times import text_of
from airflow_ack_sagemaker.core.run.step_logs import StepLog
from airflow_ack_sagemaker.plugin.connections import EDITED_SECONDS, ServerAwsHook, connection_digest
from airflow_ack_sagemaker.plugin.single_flight import SingleFlight
from airflow_ack_sagemaker.plugin.trouble import Trouble, aws_trouble_of, logged

STEPS_SECONDS = 3.0
"""How old the steps of a running execution may be."""
VERSION_SECONDS = 60.0
LOG_SECONDS = 10.0
"""How old the end of a log may be: a job that has just ended goes on writing for some seconds."""
FILE_SECONDS = 60.0
FOR_EVER = 30 * 86_400.0
_AT_ONCE = 4
"""Requests to AWS at once."""
# A viewer waits: better a note than a page that hangs for a minute.
_QUICK = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


class Aws:
    """One connection to AWS. Each method raises `NotYet` where the answer takes longer than a viewer waits, and
    `AwsTrouble` where there is none.
    """

    def __init__(self, aws_conn_id: str) -> None:
        self.aws_conn_id = aws_conn_id
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.Lock()
        self._said: str | None = None
        self._read = -EDITED_SECONDS
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._steps: SingleFlight[tuple[StepState, ...]] = SingleFlight(256)
        self._texts: SingleFlight[bytes] = SingleFlight(64)
        self._versions: SingleFlight[str | None] = SingleFlight(1_024)
        self._logs: SingleFlight[list[LogLine]] = SingleFlight(32)
        self._files: SingleFlight[bytes] = SingleFlight(64)

    async def steps(self, arn: str, region: str | None, *, over: bool) -> tuple[StepState, ...]:
        """The steps of an execution; of one that is ``over`` they are asked for once."""

        def ask(client: Any) -> tuple[StepState, ...]:
            return tuple(state_of(step, _text) for step in listed_steps(client, arn))

        # Those of a running one are not those of its end.
        return await self._steps.get(
            (arn, over),
            lambda: self._ask("sagemaker", region, ask),
            seconds=FOR_EVER if over else STEPS_SECONDS,
            wait_seconds=3.0,
        )

    async def definition(self, arn: str, region: str | None) -> str:
        """The text of the definition that an execution runs; it never changes."""

        def ask(client: Any) -> bytes:
            answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
            return zlib.compress(str(answer["PipelineDefinition"]).encode("utf-8", "surrogatepass"))

        packed = await self._texts.get(
            arn, lambda: self._ask("sagemaker", region, ask), seconds=FOR_EVER, wait_seconds=3.0
        )
        return (await asyncio.to_thread(zlib.decompress, packed)).decode("utf-8", "surrogatepass")

    async def log_tail(self, arn: str, region: str | None, log: StepLog, *, over: bool) -> list[LogLine]:
        """The end of the log of a step's job."""
        return await self._logs.get(
            (arn, log, over),
            lambda: self._ask("logs", region, lambda client: tail_of(client, log)),
            seconds=LOG_SECONDS,
            wait_seconds=5.0,
        )

    async def newest_version(self, source: S3Source) -> str | None:
        """The version id that S3 would give now; None in a bucket without versioning."""

        def ask(client: Any) -> str | None:
            return current_version(source, aws_conn_id=self.aws_conn_id, client=client).version_id

        return await self._versions.get(
            source, lambda: self._ask("s3", None, ask), seconds=VERSION_SECONDS, wait_seconds=2.0
        )

    async def file(self, source: S3Source) -> bytes:
        """The content of an object that an execution has written."""

        def ask(client: Any) -> bytes:
            return fetch_definition(source, aws_conn_id=self.aws_conn_id, client=client).content

        return await self._files.get(source, lambda: self._ask("s3", None, ask), seconds=FILE_SECONDS, wait_seconds=3.0)

    async def _ask(self, service: str, region: str | None, ask: Callable[[Any], Any]) -> Any:
        async with self._turns:
            try:
                return await asyncio.to_thread(lambda: ask(self._client(service, region)))
            except Exception as error:  # a connection, botocore or AWS: the page goes on without
                # Its credentials may be those that have expired. Without the lock, under which the connection is read.
                self._clients.pop((service, region), None)
                raise AwsTrouble(logged(aws_trouble_of(error, self.aws_conn_id))) from error

    def _client(self, service: str, region: str | None) -> Any:
        with self._lock:
            if time.monotonic() - self._read >= EDITED_SECONDS:
                with contextlib.suppress(Exception):  # of Airflow's database: what was read before still holds
                    said = connection_digest(self.aws_conn_id)
                    if said != self._said:
                        self._clients.clear()
                    self._said, self._read = said, time.monotonic()
            if (client := self._clients.get((service, region))) is None:
                hook: Any = ServerAwsHook(
                    aws_conn_id=self.aws_conn_id, client_type=service, region_name=region, config=_QUICK
                )
                client = self._clients[service, region] = hook.get_conn()
            return client


class AwsTrouble(Exception):
    """AWS could not be asked; ``trouble`` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.said)
        self.trouble = trouble


def _text(time: object) -> str | None:
    if not isinstance(time, datetime):
        return None
    from datetime import timezone

    return text_of(time.astimezone(timezone.utc))
