"""What Airflow asks of an installed provider (entry point `apache_airflow_provider`)."""

from __future__ import annotations

from typing import Any

_INTEGRATION = "AWS Controllers for Kubernetes: SageMaker"
_PACKAGE = "airflow_ack_sagemaker"


def get_provider_info() -> dict[str, Any]:
    """The provider's description in the form of Airflow's provider_info.schema.json.

    Airflow calls this at every start of every process: it imports nothing. Connection types are those of the Amazon and
    Kubernetes providers.
    """
    return {
        "package-name": "airflow-ack-sagemaker",
        "name": "ACK SageMaker",
        "description": "Retrain SageMaker models on a schedule through the ACK SageMaker controller.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://aws-controllers-k8s.github.io/community/",
                "tags": ["aws", "kubernetes"],
            }
        ],
        "operators": _modules(
            "operators",
            "collect",
            "delete_resource",
            "endpoint",
            "gate",
            "pipeline",
            "pipeline_execution",
            "pipeline_executions",
            "registry",
            "repeats",
            "resource",
            "smoke_test",
            "stop",
        ),
        "sensors": _modules("sensors", "pipeline", "pipeline_execution", "resource"),
        "triggers": _modules(
            "triggers",
            "approved_model",
            "definition",
            "endpoint",
            "execution_event",
            "monitoring_violation",
            "pipeline_executions",
            "resource",
        ),
        "hooks": _modules("hooks", "ack"),
        "config": {
            "ack_sagemaker": {
                "description": "The pages about SageMaker pipelines in the Airflow UI.",
                "options": {
                    "instance": _text_option(
                        "What tells this Airflow from others that use the same namespace: a part of the names of all "
                        "that it launches. It must be the same on all workers, and it must not change while "
                        "executions run. Without it: ``[api] base_url``. Empty: not told apart.",
                        "airflow-prod",
                    ),
                    "clusters": {
                        "description": (
                            "The clusters that the pages show, as a JSON list of objects: ``kubernetes_conn_id`` is "
                            "the connection; ``namespace`` (default: the connection's) what is looked at; "
                            "``aws_conn_id`` (default: none, and AWS is not asked) the connection by which SageMaker "
                            "is asked for the state of steps, and S3 for the newest version of definitions; "
                            "``buckets`` (default: none) the buckets that S3 is asked about; ``pipelines`` (default: "
                            "none) pipelines that SageMaker is asked about beside those that the namespace's "
                            "controller has made; both with ``*`` for any characters. Without this option: the "
                            "cluster of ``kubernetes_default``."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": '[{"kubernetes_conn_id": "prod", "namespace": "ml", "aws_conn_id": "aws_default"}]',
                        # Airflow 3.1 formats a default, so that it must have no braces.
                        "default": None,
                    },
                    "kube_config_paths": _text_option(
                        "Kubeconfig files, separated by commas, that a connection of the pages may name in "
                        "kube_config_path; their exec plugins run in the API server. Any other connection is data: "
                        "in_cluster, or a kube_config whose certificates and keys stand in its text. (For EKS that "
                        "may say ``aws eks get-token``: the token is made from ``aws_conn_id``, and nothing is run.)",
                        "/opt/airflow/kubeconfig",
                    ),
                    "aws_endpoint_urls": _text_option(
                        "Addresses, separated by commas, that an AWS connection of the pages may name as "
                        "endpoint_url. Without it: those of AWS only.",
                        "https://vpce-0a1b2c3d.s3.eu-central-1.vpce.amazonaws.com",
                    ),
                    "connection_editors_may_run_programs": {
                        "description": (
                            "Whether a connection of the pages may name any file and program of the API server. "
                            "Whoever may edit a connection can then read the API server's secrets and act as it."
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                },
            }
        },
        "extra-links": [
            f"{_PACKAGE}.links.{name}"
            for name in ("SageMakerPipelineLink", "SageMakerPipelineExecutionLink", "SageMakerResourceLink")
        ],
    }


def _text_option(description: str, example: str) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": "string",
        "example": example,
        "default": None,
    }


def _modules(folder: str, *names: str) -> list[dict[str, Any]]:
    return [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{folder}.{name}" for name in names]}]
