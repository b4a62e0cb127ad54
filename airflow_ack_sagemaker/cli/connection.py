"""Which cluster and which AWS a command speaks to: a kubeconfig and boto3's own credentials, or Airflow connections.

Airflow is imported only where a connection is named.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airflow_ack_sagemaker.core.errors import AckError

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.kube.connection.config import ClusterConfig

AwsConnId = Annotated[
    str | None,
    typer.Option("--aws-conn-id", metavar="ID", help="Airflow connection, instead of boto3's own credentials."),
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="REGION", help="AWS region (default: the resource's, or boto3's).")
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The options that choose a cluster and a namespace."""

    namespace: str | None = None
    kubeconfig: str | None = None
    context: str | None = None
    kubernetes_conn_id: str | None = None

    @contextmanager
    def client(self, *, dry_run: bool = False) -> Iterator[KubeClient]:
        """A client whose default namespace is the chosen one.

        :param dry_run: every write is checked by the API server, which stores nothing.
        :raises ConfigError: the cluster cannot be told from what is given.
        """
        from airflow_ack_sagemaker.cli.dry_run import DryRunClient
        from airflow_ack_sagemaker.kube.client import KubeClient

        with (DryRunClient if dry_run else KubeClient)(self.config()) as client:
            yield client

    def config(self) -> ClusterConfig:
        """The cluster, the user and the namespace. Reads files, connects to nothing."""
        from airflow_ack_sagemaker.kube.connection.config import cluster_config
        from airflow_ack_sagemaker.kube.errors import ConfigError

        if self.namespace is not None and not re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", self.namespace):
            raise ConfigError(
                f"--namespace {self.namespace!r} is no name of a namespace: at most 63 lower-case letters, digits and "
                "hyphens."
            )
        if self.kubernetes_conn_id is None:
            extra = {
                "kube_config_path": self.kubeconfig,
                "cluster_context": self.context,
                "namespace": self.namespace,
            }
            return cluster_config(extra, conn_id="of the command line")
        if self.kubeconfig or self.context:
            raise ConfigError("--kubernetes-conn-id and --kubeconfig or --context exclude each other: keep one.")
        config = cluster_config(_airflow_extra(self.kubernetes_conn_id), conn_id=self.kubernetes_conn_id)
        return replace(config, namespace=self.namespace or config.namespace)

    @property
    def arguments(self) -> str:
        """The options as a user types them again: for a message that says how to come back."""
        given = {
            "--namespace": self.namespace,
            "--kubeconfig": self.kubeconfig,
            "--context": self.context,
            "--kubernetes-conn-id": self.kubernetes_conn_id,
        }
        return _typed(given)

    @property
    def kubectl_arguments(self) -> str:
        """The options of the same cluster for kubectl, which knows no Airflow connection."""
        return _typed({"--kubeconfig": self.kubeconfig, "--context": self.context})


def _typed(options: Mapping[str, str | None]) -> str:
    return "".join(f" {option} {shlex.quote(value)}" for option, value in options.items() if value)


def aws_client(service: str, *, aws_conn_id: str | None = None, region: str | None = None) -> Any:
    """boto3's client of a service.

    :param aws_conn_id: an Airflow connection; None takes boto3's own search for credentials and settings.
    :raises botocore.exceptions.BotoCoreError: no region is known, or the profile is missing.
    """
    if aws_conn_id is None:
        import boto3

        return boto3.client(service, region_name=region)
    _use_airflow_database()
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    hook: Any = AwsBaseHook(aws_conn_id=aws_conn_id, client_type=service, region_name=region)
    return hook.get_conn()


def _airflow_extra(conn_id: str) -> dict[str, Any]:
    _use_airflow_database()
    from airflow.sdk import BaseHook

    from airflow_ack_sagemaker.compat import AirflowException

    try:
        extra: dict[str, Any] = BaseHook.get_connection(conn_id).extra_dejson
    except AirflowException as error:
        raise AckError(f"The Airflow connection {conn_id!r} (--kubernetes-conn-id) cannot be read: {error}") from error
    return extra


def _use_airflow_database() -> None:
    """Have Airflow look connections up as its own servers do.

    Outside of a task it reads environment variables and secrets backends only, and not its database.
    """
    import os

    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
