"""`PipelineDefinitionTrigger`: an event for each new version of a definition in S3, for an ``AssetWatcher``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from airflow_ack_sagemaker.core.run.news import Item, Latest
from airflow_ack_sagemaker.triggers.news import NewsTrigger


class PipelineDefinitionTrigger(NewsTrigger):
    """Fires when the object has another version than when it last fired: retrain because the pipeline itself has
    changed.

    The event's payload is ``{"definition_uri", "version_id", "etag", "last_modified"}``. A version is told by its
    version id, in a bucket without versioning by its ETag. What was told is kept in Airflow's asset state store (3.3
    and later), once the event is in its database, so that a restart misses nothing; one at that very moment may repeat
    it, with the same payload (`SkipRepeatedEventsOperator`). Before 3.3, the version that is there when the trigger
    starts is taken as known.

    ```python
    from airflow.sdk import Asset, AssetWatcher
    from airflow_ack_sagemaker.triggers.definition import PipelineDefinitionTrigger

    trigger = PipelineDefinitionTrigger(definition_uri="s3://ml-models/pipelines/demand.json")
    Asset("definition", watchers=[AssetWatcher(name="s3", trigger=trigger)])
    ```

    :param definition_uri: ``s3://bucket/key``.
    :param aws_conn_id: connection to read S3 with; None: boto3's own credentials. It needs ``s3:GetObject``.
    :param poll_interval: seconds between looks (HeadObject).
    """

    arguments = ("definition_uri", "aws_conn_id", "poll_interval")
    store_key = "airflow-ack-sagemaker/definition"

    def __init__(
        self, *, definition_uri: str, aws_conn_id: str | None = "aws_default", poll_interval: float = 60.0
    ) -> None:
        super().__init__()
        self.definition_uri = definition_uri
        self.aws_conn_id = aws_conn_id
        self.poll_interval = poll_interval

    def memory(self) -> Latest:
        """The version that was told last."""
        return Latest()

    async def looks(self) -> AsyncGenerator[Item, None]:
        """The version that is there. Trouble with S3 is logged once, and does not end the trigger."""
        from asgiref.sync import sync_to_async

        from airflow_ack_sagemaker.aws.errors import SourceError
        from airflow_ack_sagemaker.aws.s3 import S3Source, connect, current_version

        source = S3Source.parse(self.definition_uri)
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
                if error.missing:
                    yield Item("")  # so that its next version is news
            else:
                trouble = ""
                written = version.last_modified
                payload = {
                    "definition_uri": source.uri,
                    "version_id": version.version_id,
                    "etag": version.etag,
                    "last_modified": written.isoformat() if written is not None else None,
                }
                yield Item(version.token, payload)
            await asyncio.sleep(self.poll_interval)
