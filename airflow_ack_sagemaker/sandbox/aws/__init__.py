"""The AWS part of the sandbox: S3, STS and SageMaker on one HTTP endpoint."""

from __future__ import annotations

from airflow_ack_sagemaker.sandbox.aws.endpoint import AwsEndpoint
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptError

__all__ = ["AwsEndpoint", "Script", "ScriptError"]
