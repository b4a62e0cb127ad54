"""Versions that are registered and decided on while things go wrong, on the sandbox's controller."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import httpx
import pytest

from airflow_ack_sagemaker.core.lifecycle.registry import ModelVersion, adoption_manifest
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.run.deadlines import Deadlines
from airflow_ack_sagemaker.runs.approval import decide_on
from airflow_ack_sagemaker.runs.look import Run
from airflow_ack_sagemaker.runs.registry import RegistryError, adopt, newest_approved_in, register
from airflow_ack_sagemaker.testing import AckSandbox
from harness.waiting import HUNG, wait_until

LOG = logging.getLogger(__name__)
NAMESPACE, GROUP = "default", "demand"
PACKAGE = kind_of("ModelPackage")
RUN = Run(RunIdentity("dag", "monday", "register"), NAMESPACE, Try(number=1, max_tries=2, run_start="2026-11-02"))
RETRY = replace(RUN, tried=replace(RUN.tried, number=2))
CLEARED = replace(RUN, tried=replace(RUN.tried, number=2, max_tries=3), first_attempt=2)
MADE_AGAIN = replace(RUN, tried=replace(RUN.tried, run_start="2026-11-03"))


@pytest.fixture
def cluster() -> Iterator[AckSandbox]:
    with AckSandbox(speed=100) as sandbox:
        sandbox.boto3("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
        yield sandbox


def registered(cluster: AckSandbox, run: Run = RUN, *, log: logging.Logger = LOG, **spec: Any) -> ModelVersion:
    deadlines = Deadlines(recover_by=time.time())  # as soon as the controller tries in vain
    return register(cluster.client, GROUP, spec, run, metrics=None, region=None, deadlines=deadlines, log=log)


def decide(cluster: AckSandbox, name: str, *, approved: bool = True, arn: str | None = None) -> ModelVersion:
    return decide_on(
        cluster.client,
        name,
        NAMESPACE,
        approved=approved,
        description="by rule",
        arn=arn,
        deadlines=Deadlines(recover_by=time.time()),
        log=LOG,
    )


def versions(cluster: AckSandbox) -> dict[int, str]:
    answer = cluster.boto3("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)
    return {item["ModelPackageVersion"]: item["ModelApprovalStatus"] for item in answer["ModelPackageSummaryList"]}


def adopted(cluster: AckSandbox) -> ModelVersion:
    """One that a pipeline has registered: the controller looks at it again only where its spec changes."""
    arn = cluster.boto3("sagemaker").create_model_package(ModelPackageGroupName=GROUP)["ModelPackageArn"]
    return adopt(cluster.client, arn, NAMESPACE, deadlines=Deadlines(), log=LOG)


def names(cluster: AckSandbox) -> list[str]:
    return [resource["metadata"]["name"] for resource in cluster.resources("ModelPackage")]


def nothing_is_refused_any_more(cluster: AckSandbox) -> None:
    url = cluster.boto3("sagemaker").meta.endpoint_url
    httpx.delete(f"{url}/_sandbox/script", trust_env=False, timeout=HUNG).raise_for_status()


def test_what_is_given_up_is_withdrawn_and_never_registered_beside_the_next(cluster: AckSandbox) -> None:
    cluster.script("CreateModelPackage=AccessDeniedException:not allowed")
    with pytest.raises(RegistryError, match="not allowed"):
        registered(cluster)
    wait_until(lambda: names(cluster) == [], HUNG, "it is withdrawn")
    nothing_is_refused_any_more(cluster)
    registered(cluster, CLEARED)
    assert list(versions(cluster)) == [1]


def test_what_a_cleared_try_has_left_unregistered_goes(cluster: AckSandbox) -> None:
    cluster.script("CreateModelPackage=AccessDeniedException:not allowed")
    with pytest.raises(RegistryError):  # a worker that was lost has withdrawn nothing
        register(
            cluster.client,
            GROUP,
            {},
            RUN,
            metrics=None,
            region=None,
            deadlines=Deadlines(finish_by=time.time()),
            log=LOG,
        )
    former = names(cluster)
    assert len(former) == 1
    with pytest.raises(RegistryError):
        registered(cluster, CLEARED)
    wait_until(lambda: names(cluster) == [], HUNG, lambda: f"{former} to go, and the other: {names(cluster)}")


def test_a_retry_asks_anew_for_what_was_refused_for_good(cluster: AckSandbox) -> None:
    cluster.script("CreateModelPackage#1=InvalidParameterValue:bad image")
    with pytest.raises(RegistryError, match="bad image"):
        registered(cluster)
    version = registered(cluster, RETRY, modelPackageDescription="corrected")
    assert (version.number, versions(cluster)) == (1, {1: "PendingManualApproval"})
    assert registered(cluster, RETRY).arn == version.arn
    wait_until(lambda: names(cluster) == [version.resource], HUNG, lambda: f"what was refused to go: {names(cluster)}")


def test_one_that_is_being_deleted_is_asked_for_again_once_it_is_gone(cluster: AckSandbox) -> None:
    version = registered(cluster)
    cluster.client.patch(PACKAGE, version.resource, {"metadata": {"finalizers": ["tests/hold"]}}, NAMESPACE)
    cluster.client.delete(PACKAGE, version.resource, NAMESPACE)
    waited = []

    class LetGo(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting until it is gone" in record.getMessage():
                waited.append(record)
                cluster.client.patch(PACKAGE, version.resource, {"metadata": {"finalizers": None}}, NAMESPACE)

    log = logging.Logger(__name__)
    log.addHandler(LetGo())
    assert registered(cluster, RETRY, log=log).arn == version.arn
    assert waited
    assert list(versions(cluster)) == [1]


def test_a_run_that_was_made_again_registers_its_own_version(cluster: AckSandbox) -> None:
    first = registered(cluster)
    cluster.client.delete(PACKAGE, first.resource, NAMESPACE)
    wait_until(lambda: names(cluster) == [], HUNG, "the resource is gone, and the version stays")
    second = registered(cluster, MADE_AGAIN, modelPackageDescription="another model")
    assert (first.number, second.number) == (1, 2)


def test_an_approval_that_sagemaker_refuses_is_taken_back_and_a_retry_asks_again(cluster: AckSandbox) -> None:
    version = adopted(cluster)
    cluster.script("UpdateModelPackage#1=ConflictException:being modified")
    with pytest.raises(RegistryError, match="being modified"):
        decide(cluster, version.resource)
    assert newest_approved_in(cluster.client, GROUP, NAMESPACE) is None
    assert versions(cluster) == {1: "PendingManualApproval"}
    assert decide(cluster, version.resource).is_approved
    assert versions(cluster) == {1: "Approved"}


def test_an_approval_that_is_tried_in_vain_is_taken_back(cluster: AckSandbox) -> None:
    version = adopted(cluster)
    cluster.script("UpdateModelPackage=AccessDeniedException:not allowed")
    with pytest.raises(RegistryError, match="not allowed"):
        decide(cluster, version.resource)
    assert newest_approved_in(cluster.client, GROUP, NAMESPACE) is None


@pytest.mark.parametrize("approved", [True, False])
def test_what_was_refused_before_is_asked_again(cluster: AckSandbox, approved: bool) -> None:
    """By a worker that was lost: the resource says so already, and a controller looks at a change only."""
    version, word = adopted(cluster), "Approved" if approved else "Rejected"
    cluster.script("UpdateModelPackage#1=ConflictException:being modified")
    spec = {"modelApprovalStatus": word, "approvalDescription": "by rule"}
    cluster.client.patch(PACKAGE, version.resource, {"spec": spec}, NAMESPACE)

    def refused() -> bool:
        conditions = cluster.client.get(PACKAGE, version.resource, NAMESPACE)["status"]["conditions"]
        return any(each["type"] == "ACK.Terminal" and each["status"] == "True" for each in conditions)

    wait_until(refused, HUNG, "the refusal")
    assert decide(cluster, version.resource, approved=approved).approval == word
    assert versions(cluster) == {1: word}


def test_another_version_than_the_one_that_is_meant_is_not_decided_on(cluster: AckSandbox) -> None:
    version = adopted(cluster)
    with pytest.raises(RegistryError, match="not of arn"):
        decide(cluster, version.resource, arn=version.arn.replace(GROUP, "Demand"))
    assert versions(cluster) == {1: "PendingManualApproval"}
    assert decide(cluster, version.resource, arn=version.arn).is_approved


def test_a_version_of_another_region_is_registered_and_adopted_there(cluster: AckSandbox) -> None:
    sagemaker = boto3.client(
        "sagemaker",
        region_name="eu-central-1",
        endpoint_url=cluster.boto3("sagemaker").meta.endpoint_url,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    deadlines = Deadlines(recover_by=time.time())
    first = register(cluster.client, GROUP, {}, RUN, metrics=None, region="eu-central-1", deadlines=deadlines, log=LOG)
    assert first.arn.startswith("arn:aws:sagemaker:eu-central-1:")
    arn = sagemaker.create_model_package(ModelPackageGroupName=GROUP)["ModelPackageArn"]
    # One that looks in the controller's own region, which an earlier version has made, never finds it.
    manifest = adoption_manifest(arn, NAMESPACE)
    del manifest["metadata"]["annotations"]["services.k8s.aws/region"]
    cluster.client.apply(PACKAGE, manifest)
    assert adopt(cluster.client, arn, NAMESPACE, deadlines=deadlines, log=LOG).arn == arn


def test_an_adoption_that_was_refused_is_asked_for_anew(cluster: AckSandbox) -> None:
    cluster.script("DescribeModelPackage#1=InvalidParameterValue:not now")
    with pytest.raises(RegistryError, match="not now"):
        adopted(cluster)
    arn = arn_of_the_only(cluster)
    assert adopt(cluster.client, arn, NAMESPACE, deadlines=Deadlines(), log=LOG).arn == arn


def arn_of_the_only(cluster: AckSandbox) -> str:
    """ARN of the only version."""
    (version,) = cluster.boto3("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    return str(version["ModelPackageArn"])
