"""A job that one run has made by `apply_resource`, and that a user ends with the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.stop import KILL_SECONDS, confirm_stopped

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient


def stop_job(client: KubeClient, kind: Kind, name: str, namespace: str, identity: RunIdentity, *, log: Log) -> None:
    """Delete the job of this run, which stops it; one that has ended, or that another run has made, stays.

    Nothing is raised: the task is being killed, and what cannot be done is said.
    """
    try:
        live = client.get(kind, name, namespace)
        outcome = classify(live)
        if not identity.owns(live) or outcome.finished or outcome.state is State.DELETING:
            return
        log.info("A user has ended the task: deleting %s, which stops it.", outcome.resource)
        if not delete_if_same(client, kind, name, namespace, uid=outcome.uid):
            return
    except NotFound:
        return
    except KubeError as error:
        log.warning("%s/%s could not be stopped and runs on: %s", kind.singular, name, error)
        return
    confirm_stopped(client, outcome, log=log, seconds=KILL_SECONDS)
