"""Names, parameters, tags and reasons that were written to do harm, in a cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_DAG,
    RunIdentity,
)
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from tests.ui.shelf import NAMESPACE, Shelf

DAG = "clean_up"
SCRIPT = "<script>window.harmed = 1<\\script>"
IMAGE = "<img src=x onerror='window.harmed = 2'>"
CLOSED = "\"'></title></script></textarea><svg onload=alert(3)><iframe srcdoc='<script>parent.harmed = 3</script>'>"
LINK = "javascript:window.harmed=4"
TEMPLATE = "{{ 7919 * 7907 }} ${7919 * 7907} <%= 7919 * 7907 %>"
TURNED = "safe \u202egnp.exe\u202c \u2066\u202eend"
LONG = "endless" * 600
EVERY = "\n".join([SCRIPT, IMAGE, CLOSED, LINK, TEMPLATE, TURNED])
PIPELINES = {"markup": IMAGE, "closed": CLOSED.replace("/", "\\"), "turned": TURNED, "long": LONG, "link": LINK}
SECRET = "hunter2-hunter2"
# What SageMaker would take: the names of parameters and steps are checked, the rest may say anything.
DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Image", "Type": "String", "DefaultValue": IMAGE}],
    "Steps": [
        {"Name": "Train", "DisplayName": IMAGE, "Type": "Training", "Description": CLOSED, "Arguments": {"a": SCRIPT}},
        {"Name": "Turned", "DisplayName": TURNED, "Type": IMAGE, "DependsOn": ["Train"], "Arguments": {}},
        {"Name": "Long", "DisplayName": LONG, "Type": LONG, "DependsOn": ["Turned"], "Arguments": {}},
    ],
}


def fill(shelf: Shelf) -> None:
    """Put pipelines with such names there, each with one execution, of a DAG that has no other."""
    now = datetime.now(UTC)
    for name, pipeline in PIPELINES.items():
        annotations = {ANNOTATION_DEFINITION_SOURCE: LINK, ANNOTATION_DEFINITION_VERSION: IMAGE}
        metadata = {"name": name, "namespace": NAMESPACE, "labels": {LABEL_DAG: DAG}, "annotations": annotations}
        conditions = [{"type": "ACK.Recoverable", "status": "True", "message": EVERY, "reason": IMAGE}]
        shelf.pipeline(
            {
                "apiVersion": API_VERSION,
                "kind": "Pipeline",
                "metadata": metadata,
                "spec": {
                    "pipelineName": pipeline,
                    "pipelineDefinition": json.dumps(DEFINITION),
                    "tags": [{"key": IMAGE, "value": CLOSED}],
                },
                "status": {"pipelineStatus": IMAGE, "conditions": conditions, "ackResourceMetadata": {"arn": LINK}},
            }
        )
        shelf.execution(
            RunIdentity(DAG, f"{name} {EVERY}"[:250], "retrain"),
            pipeline,
            now,
            status="Failed",
            reason=f"{name}: {EVERY}\n{LONG}",
            parameters={
                SCRIPT: IMAGE,
                "Link": LINK,
                "Closed": CLOSED,
                "ApiToken": SECRET,
                "Long": LONG,
                TURNED: TURNED,
            },
            annotations=annotations,
            conditions=conditions,
            ackResourceMetadata={"arn": LINK, "region": IMAGE},
        )
