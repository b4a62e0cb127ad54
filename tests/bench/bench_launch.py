"""What a launching task loads and connects, above an empty task, beside the providers' hooks doing the same.

    python -m tests.bench.bench_launch

Ours looks for what earlier tries have made, checks the pipeline, creates the execution and builds the trigger. The cncf
provider's hook only creates one; the amazon provider's hook only starts one. All speak to the same sandbox.
"""

from __future__ import annotations

import json

from airflow_ack_sagemaker.sandbox import Sandbox
from tests.bench.processes import bound, measure, table

SECONDS, MEGABYTES = 1.0, 25.0

EMPTY = """
from airflow.sdk import DAG, BaseOperator
class Empty(BaseOperator):
    def execute(self, context):
        return None
Empty(task_id="empty").execute({})
"""
PIPELINE = {
    "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
    "kind": "Pipeline",
    "metadata": {"name": "bench", "namespace": "default"},
    "spec": {
        "pipelineName": "bench",
        "roleARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
        "pipelineDefinition": json.dumps(
            {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}
        ),
    },
}
OURS = """
import logging, uuid
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.runs.launch import launch
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.runs.look import Run
from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger
operator = AckPipelineExecutionOperator(task_id="launch", pipeline_name="bench")
with operator.cluster() as client:
    launched = launch(
        client, operator._spec(), Run(RunIdentity("bench", uuid.uuid4().hex, "launch"), client.namespace),
        pipeline_resource_name=None, log=logging.getLogger("bench"),
    )
outcome = launched.outcome
AckResourceTrigger(
    kind=outcome.kind, name=outcome.name, namespace=outcome.namespace, uid=outcome.uid,
    kubernetes_conn_id="kubernetes_default",
).serialize()
"""
CNCF = """
import uuid
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
KubernetesHook(conn_id="kubernetes_default").create_custom_object(
    group="sagemaker.services.k8s.aws", version="v1alpha1", plural="pipelineexecutions", namespace="default",
    body={"apiVersion": "sagemaker.services.k8s.aws/v1alpha1", "kind": "PipelineExecution",
          "metadata": {"name": "bench-" + uuid.uuid4().hex}, "spec": {"pipelineName": "bench"}},
)
"""
AMAZON = """
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
SageMakerHook(aws_conn_id="aws_default").start_pipeline(pipeline_name="bench")
"""


def main() -> None:
    """Measure and print."""
    with Sandbox(speed=1000) as sandbox:
        connections = {
            "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(
                {
                    "conn_type": "kubernetes",
                    "extra": {"kube_config_path": str(sandbox.kubeconfig_path), "namespace": "default"},
                }
            ),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
                {
                    "conn_type": "aws",
                    "login": "sandbox",
                    "password": "sandbox",
                    "extra": {"endpoint_url": sandbox.aws_endpoint_url, "region_name": "us-east-1"},
                }
            ),
        }
        # Synced before anything is measured, by the package itself.
        prepared = EMPTY + (
            "import json, logging\n"
            "from airflow_ack_sagemaker.hooks.ack import AckHook\n"
            "from airflow_ack_sagemaker.runs.apply import apply_resource\n"
            "from airflow_ack_sagemaker.core.resource.kinds import PIPELINE\n"
            "from airflow_ack_sagemaker.core.run.deadlines import Deadlines\n"
            "from airflow_ack_sagemaker.follow.until import wait\n"
            f"manifest = json.loads({json.dumps(PIPELINE)!r})\n"
            "with AckHook().get_conn() as client:\n"
            "    applied = apply_resource(client, PIPELINE, manifest, log=logging.getLogger('bench'))\n"
            "    wait(client, PIPELINE, 'bench', namespace='default', uid=None, deadlines=Deadlines())\n"
        )
        measure({"prepare": prepared}, connections, rounds=1)
        costs = measure(
            {
                "an empty task": EMPTY,
                "ours: look, check, create, defer": EMPTY + OURS,
                "cncf: KubernetesHook, create": EMPTY + CNCF,
                "amazon: SageMakerHook, start": EMPTY + AMAZON,
            },
            connections,
        )
    print(table("Launching, in a new process", "an empty task", costs))
    ours = costs["ours: look, check, create, defer"].above(costs["an empty task"])
    print(bound("ours", ours, SECONDS, MEGABYTES))


if __name__ == "__main__":
    main()
