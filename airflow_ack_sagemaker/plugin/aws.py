"""What AWS is asked for by the pages, where a cluster names a connection: each thing once, however many look at it."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.aws.errors import SourceError
from airflow_ack_sagemaker.aws.s3 import DEFAULT_CONNECTION, S3Source, current_version
from airflow_ack_sagemaker.aws.steps import listed_steps
from airflow_ack_sagemaker.core.pages.step_states import StepState, state_of
from airflow_ack_sagemaker.core.resource.times import text_of
from airflow_ack_sagemaker.plugin.connections import ServerAwsHook
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.single_flight import SingleFlight

STEPS_SECONDS = 3.0
"""How old the steps of a running execution may be."""
VERSION_SECONDS = 60.0
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
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._steps: SingleFlight[tuple[StepState, ...]] = SingleFlight(256)
        self._texts: SingleFlight[bytes] = SingleFlight(64)
        self._versions: SingleFlight[str | None] = SingleFlight(1_024)

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
        return zlib.decompress(packed).decode("utf-8", "surrogatepass")

    async def newest_version(self, uri: str, region: str | None) -> str | None:
        """The version id that S3 would give now; None in a bucket without versioning."""

        def ask(client: Any) -> str | None:
            return current_version(S3Source.parse(uri), aws_conn_id=self.aws_conn_id, client=client).version_id

        return await self._versions.get(
            (uri, region), lambda: self._ask("s3", region, ask), seconds=VERSION_SECONDS, wait_seconds=2.0
        )

    async def _ask(self, service: str, region: str | None, ask: Callable[[Any], Any]) -> Any:
        async with self._turns:
            try:
                return await asyncio.to_thread(lambda: ask(self._client(service, region)))
            except Exception as error:  # a connection, botocore or AWS: the page goes on without
                with self._lock:
                    self._clients.pop((service, region), None)  # its credentials may be those that have expired
                raise AwsTrouble(self._words(error)) from error

    def _client(self, service: str, region: str | None) -> Any:
        with self._lock:
            if (client := self._clients.get((service, region))) is None:
                hook: Any = ServerAwsHook(
                    aws_conn_id=self.aws_conn_id, client_type=service, region_name=region, config=_QUICK
                )
                # The hook goes on without a connection that it does not find, with whatever the process has. For the
                # provider's default name that is the custom; another name was meant.
                if self.aws_conn_id != DEFAULT_CONNECTION and hook.conn_config.conn_type is None:
                    raise SourceError("Airflow has no such connection. Add it (type aws), or correct the name.")
                client = self._clients[service, region] = hook.get_conn()
            return client

    def _words(self, error: Exception) -> str:
        if isinstance(error, ClientError):
            details = error.response.get("Error", {})
            said = f"AWS says {details.get('Code')}: {details.get('Message')} ({error.operation_name})"
        elif isinstance(error, SourceError):
            said = str(error)
        else:
            said = f"{error or type(error).__name__}"
        return MASKER.text(f"AWS connection {self.aws_conn_id!r}: {said}")


class AwsTrouble(Exception):
    """AWS could not be asked; the message says why."""


def _text(time: object) -> str | None:
    if not isinstance(time, datetime):
        return None
    from datetime import timezone

    return text_of(time.astimezone(timezone.utc))
