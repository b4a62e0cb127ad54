"""What all requests of an API server process share."""

from __future__ import annotations

from fastapi import Request

from airflow_ack_sagemaker.plugin.aws import Aws
from airflow_ack_sagemaker.plugin.detail import Details
from airflow_ack_sagemaker.plugin.known_secrets import KnownSecrets
from airflow_ack_sagemaker.plugin.reader import Boards
from airflow_ack_sagemaker.plugin.responses import Responses


async def secrets_known(request: Request) -> None:
    """Let no answer be made before it is known what to hide in it."""
    await Shared.of(request).secrets.fresh()


class Shared:
    """The boards, what AWS was asked, the answers that were made."""

    def __init__(self) -> None:
        self.boards = Boards()
        self.details = Details()
        self.responses = Responses()
        self.secrets = KnownSecrets()
        self._aws: dict[str, Aws] = {}

    @staticmethod
    def of(request: Request) -> Shared:
        """That of the application that a request goes to."""
        shared: Shared = request.app.state.shared
        return shared

    def aws(self, aws_conn_id: str | None) -> Aws | None:
        """AWS by this connection; None where there is none."""
        if aws_conn_id is None:
            return None
        if aws_conn_id not in self._aws:
            self._aws[aws_conn_id] = Aws(aws_conn_id)
        return self._aws[aws_conn_id]
