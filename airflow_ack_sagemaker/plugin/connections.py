"""Airflow's connections as the API server has them: it reads the database itself."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from airflow_ack_sagemaker.compat import server_connection
from airflow_ack_sagemaker.hooks.ack import AckHook


class ServerAckHook(AckHook):
    """`AckHook` in the API server."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection. Blocks."""
        return server_connection(conn_id)


class ServerAwsHook(AwsBaseHook):
    """The Amazon provider's hook in the API server."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection. Blocks."""
        return server_connection(conn_id)
