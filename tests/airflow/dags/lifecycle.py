"""DAGs that serve models: one that deploys, and the whole group. Their strings come from the conf."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator
from airflow_ack_sagemaker.task_groups import retraining

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
NOW = timedelta(0)


def conf(name: str, default: str = "None") -> str:
    """A template for a value of the run's conf, in its own type."""
    return f"{{{{ dag_run.conf.get('{name}', {default}) }}}}"


def dag(dag_id: str) -> DAG:
    """A DAG that only runs when it is asked to."""
    return DAG(dag_id, schedule=None, start_date=START, render_template_as_native_obj=True)


DEPLOY: dict[str, Any] = {
    "task_id": "deploy",
    "endpoint_name": conf("endpoint"),
    "model": conf("model"),
    "execution_role_arn": ROLE,
    "instance_type": "ml.m5.large",
    "retry_delay": NOW,
}

for retries in (0, 1):
    with dag(f"deploy_{retries}"):
        AckEndpointOperator(**DEPLOY, retries=retries)

WHOLE: dict[str, Any] = {
    "pipeline_name": conf("pipeline"),
    "role_arn": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
    "definition_uri": conf("definition_uri"),
    "endpoint": {
        "endpoint_name": conf("pipeline"),
        "execution_role_arn": ROLE,
        "instance_type": "ml.m5.large",
    },
}
HERE: dict[str, Any] = {
    "model_package_group": conf("pipeline"),
    "register": {
        "inferenceSpecification": {
            "containers": [
                {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1", "modelDataURL": "s3://b/m.tar.gz"}
            ],
            "supportedContentTypes": ["text/csv"],
            "supportedResponseMIMETypes": ["text/csv"],
        }
    },
}

with dag("whole"):
    retraining(
        **WHOLE,
        **HERE,
        gate={"metric": "regression_metrics.mse.value", "at_most": 6.0, "better": "lower"},
        smoke_test={"payload": "1,2,3", "contains": "endpointConfig"},
        collect={},
    )

with dag("whole_human"):
    retraining(**WHOLE, **HERE, approval="human")

with dag("whole_adopts"):
    retraining(**WHOLE, register=True, approval="rule")
