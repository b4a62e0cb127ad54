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
            "operators", "collect", "pipeline", "pipeline_execution", "pipeline_executions", "resource", "stop"
        ),
        "sensors": _modules("sensors", "pipeline", "pipeline_execution", "resource"),
        "triggers": _modules("triggers", "definition", "execution_event", "pipeline_executions", "resource"),
        "hooks": _modules("hooks", "ack"),
        "extra-links": [
            f"{_PACKAGE}.links.{name}"
            for name in ("SageMakerPipelineLink", "SageMakerPipelineExecutionLink", "SageMakerResourceLink")
        ],
    }


def _modules(folder: str, *names: str) -> list[dict[str, Any]]:
    return [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{folder}.{name}" for name in names]}]
