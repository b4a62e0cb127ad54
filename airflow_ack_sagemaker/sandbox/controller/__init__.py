"""The controller part of the sandbox."""

from __future__ import annotations

from airflow_ack_sagemaker.sandbox.controller.controller import Controller

__all__ = ["Controller"]
