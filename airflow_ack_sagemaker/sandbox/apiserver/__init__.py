"""A stand-in for kube-apiserver: the custom resources of ACK SageMaker, in memory, over the Kubernetes API."""

from __future__ import annotations

from airflow_ack_sagemaker.sandbox.apiserver.server import ApiServer

__all__ = ["ApiServer"]
