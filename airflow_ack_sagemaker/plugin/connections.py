"""Airflow's connections as the API server has them: it reads the database itself, and takes them for data."""

from __future__ import annotations

import hashlib
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from airflow_ack_sagemaker.aws.s3 import DEFAULT_CONNECTION
from airflow_ack_sagemaker.compat import AirflowNotFoundException, server_connection
from airflow_ack_sagemaker.hooks.ack import AckHook
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.plugin.connection_policy import check_aws, policy, server_config

EDITED_SECONDS = 20.0
"""Seconds between two looks whether a connection was edited: what it led to may go on as if nothing had been."""


def connection_digest(conn_id: str) -> str | None:
    """Tells what a connection says from what it has said before; None: there is none. Blocks."""
    try:
        found = server_connection(conn_id)
    except AirflowNotFoundException:
        return None
    said = (found.host, found.schema, found.login, found.password, found.port, found.extra)
    return hashlib.sha256(repr((found.conn_type, *said)).encode("utf-8", "surrogatepass")).hexdigest()


class ServerAckHook(AckHook):
    """`AckHook` in the API server.

    :param aws_conn_id: whose identity a token of EKS carries; None: there is none.
    """

    def __init__(self, kubernetes_conn_id: str, aws_conn_id: str | None = None) -> None:
        super().__init__(kubernetes_conn_id)
        self._aws_conn_id = aws_conn_id

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection. Blocks."""
        return server_connection(conn_id)

    def cluster(self, extra: dict[str, Any]) -> ClusterConfig:
        """What the connection selects, if it is no more than data.

        :raises ConfigError: it is more, or makes no sense.
        """
        session = None
        if self._aws_conn_id is not None:
            aws: Any = ServerAwsHook(aws_conn_id=self._aws_conn_id, client_type="sts")
            session = aws.get_session
        return server_config(extra, conn_id=self.kubernetes_conn_id, session=session, allowed=policy())


class ServerAwsHook(AwsBaseHook):
    """The Amazon provider's hook in the API server."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection. Blocks.

        :raises ConfigError: there is none, or it is more than data.
        """
        try:
            connection = server_connection(conn_id)
        except AirflowNotFoundException:
            # The provider goes on without a connection that it does not find, as whatever the process is. For its own
            # default name that is the custom; another name was meant.
            if conn_id == DEFAULT_CONNECTION:
                raise
            raise ConfigError(
                f"Airflow has no AWS connection {conn_id!r}. Add it (type aws), or correct the name."
            ) from None
        check_aws(connection, policy())
        return connection
