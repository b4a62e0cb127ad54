"""Airflow's connections as the API server has them: it reads the database itself.

On Airflow 3.1 the hooks' own way leads to the task's supervisor, which an API server does not have.
"""

from __future__ import annotations

from typing import Any

from airflow.models import Connection
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from airflow_ack_sagemaker.hooks.ack import AckHook


class ServerAckHook(AckHook):
    """`AckHook` in the API server."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection. Blocks."""
        return Connection.get_connection_from_secrets(conn_id)


class ServerAwsHook(AwsBaseHook):
    """The Amazon provider's hook in the API server."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection. Blocks."""
        return Connection.get_connection_from_secrets(conn_id)
