"""Retrain SageMaker models from Airflow through the ACK SageMaker controller."""

from __future__ import annotations

__version__ = "0.1.0"
