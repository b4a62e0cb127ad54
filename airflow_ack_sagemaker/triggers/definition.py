"""`PipelineDefinitionTrigger`: an event for each new version of a definition in S3, for an ``AssetWatcher``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_ack_sagemaker.compat import recalled, remember

_STORE_KEY = "airflow-ack-sagemaker/definition"


class PipelineDefinitionTrigger(BaseEventTrigger):
    """Fires when the object has another version than when it last fired: retrain because the pipeline itself has
    changed.

    The event's payload is ``{"definition_uri", "version_id", "etag"}``. A version is told by its version id, in a
    bucket without versioning by its ETag. What was last seen is kept in Airflow's asset state store (3.3 and later), so
    that a restart misses nothing; one at the very moment of an event may repeat it, with the same version. Before 3.3,
    the version that is there when the trigger starts is taken as seen.

    :param definition_uri: ``s3://bucket/key``.
    :param aws_conn_id: connection to read S3 with; None: boto3's own credentials. It needs ``s3:GetObject``.
    :param poll_interval: seconds between looks (HeadObject).
    """

    def __init__(
        self, *, definition_uri: str, aws_conn_id: str | None = "aws_default", poll_interval: float = 60.0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.definition_uri = definition_uri
        self.aws_conn_id = aws_conn_id
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "definition_uri": self.definition_uri,
            "aws_conn_id": self.aws_conn_id,
            "poll_interval": self.poll_interval,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, compare and fire for ever. Trouble with S3 is logged once, and does not end the trigger."""
        from asgiref.sync import sync_to_async

        from airflow_ack_sagemaker.aws.errors import SourceError
        from airflow_ack_sagemaker.aws.s3 import S3Source, connect, current_version

        source = S3Source.parse(self.definition_uri)
        seen = await self._seen()
        trouble = ""
        client: Any = None
        while True:
            try:
                # One client for all looks, and a new one, with the connection as it is then, after any trouble.
                client = client or await sync_to_async(connect)(source, self.aws_conn_id)
                version = await asyncio.to_thread(current_version, source, aws_conn_id=self.aws_conn_id, client=client)
            except SourceError as error:
                client = client if error.missing else None
                if str(error) != trouble:
                    self.log.warning("Cannot look at %s, and go on trying: %s", source, error)
                trouble = str(error)
                if error.missing and seen is None:
                    seen = ""  # so that its first version is news
            else:
                trouble = ""
                if seen is not None and version.token != seen:
                    yield TriggerEvent(
                        {"definition_uri": source.uri, "version_id": version.version_id, "etag": version.etag}
                    )
                if version.token != seen:
                    seen = version.token
                    await remember(self, _STORE_KEY, seen)
            await asyncio.sleep(self.poll_interval)

    async def _seen(self) -> str | None:
        value = await recalled(self, _STORE_KEY)
        return value if isinstance(value, str) else None
