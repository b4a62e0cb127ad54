"""What people ask in public about tools like this one, and the page that answers it.

Each question is what somebody would type into the search of the site. The threads are those of the neighbours: the
providers of Airflow, the ACK controllers, Kubeflow, the SageMaker SDK, Terraform, the CDK.
"""

from __future__ import annotations

QUESTIONS = {
    # Running, waiting, retrying
    "state is lost after deferral": "troubleshooting.html",
    "trigger drops region and verify of the connection": "troubleshooting.html",
    "stopped execution is reported as success": "guides/retries-and-timeouts.html",
    "deferrable overrides wait_for_completion": "troubleshooting.html",
    "log the steps of a pipeline execution": "troubleshooting.html",
    "triggerer blocked by a client per call": "troubleshooting.html",
    "synchronous connection lookup in a trigger": "troubleshooting.html",
    "triggerer memory grows": "troubleshooting.html",
    "token expires on the triggerer 401": "guides/eks-connections.html",
    "410 gone resource version too old": "troubleshooting.html",
    "worker killed and execution orphaned": "guides/retries-and-timeouts.html",
    "resource deleted before the task resumes": "troubleshooting.html",
    "do not defer when already finished": "troubleshooting.html",
    "retry starts the execution twice": "runs.html",
    "XCom is cleared on retries": "runs.html",
    "409 conflict name already exists": "runs.html",
    "start timeout leaves an orphan": "guides/retries-and-timeouts.html",
    "event fires the DAG again": "guides/schedule.html",
    "asset watcher polls once per asset": "guides/schedule.html",
    "are the plugin pages authenticated": "security.html",
    "definition JSON escaping in YAML": "guides/from-kubectl.html",
    "when is the definition in S3 read": "runs.html",
    "retry from the failed step": "guides/retries-and-timeouts.html",
    "observedGeneration": "runs.html",
    "ACK.Terminal is never retried": "troubleshooting.html",
    "adopt a pipeline that exists already": "troubleshooting.html",
    "accidental deletion of a pipeline": "resources.html",
    "resource has no status and no events": "troubleshooting.html",
    "stopped job loops for ever": "guides/from-kubeflow.html",
    "node is lost, resume": "guides/retries-and-timeouts.html",
    "retrain on drift": "guides/schedule.html",
    "retrain on new data": "guides/schedule.html",
    "deploy only approved models": "guides/approve.html",
    "execution stays provisioning in the page": "ui.html",
    # A model's life
    "rolled back endpoint update looks like a success": "lifecycle.html",
    "canary deployment with alarms": "guides/deploy.html",
    "approval is taken back": "guides/approve.html",
    "approve by a person with a time limit": "guides/approve.html",
    "compare with the champion": "guides/gate.html",
    "schedule retraining without Lambda": "guides/schedule.html",
    "one event starts one run": "guides/schedule.html",
    "keep autoscaled instance count and data capture": "guides/deploy.html",
    "logs of a failed step": "troubleshooting.html",
    "always run something after a failure": "guides/retries-and-timeouts.html",
    "SageMaker SDK 3 and MLflow": "policies.html",
    "clean up in the right order": "guides/batch.html",
    "apply and wait for any custom resource": "resources.html",
    "batch inference with the latest approved model": "guides/batch.html",
    "least privilege IAM policy": "install.html",
}
