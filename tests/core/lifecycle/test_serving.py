"""Manifests of what serves: new names for each attempt, and nothing that SageMaker refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.session import Session

from airflow_ack_sagemaker.core.lifecycle.deployment import canary, check_deployment, linear, rolling
from airflow_ack_sagemaker.core.lifecycle.serving import (
    EndpointSpec,
    metrics_of,
    model_of,
    package_model,
    package_of,
    variant_name,
)
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import SpecError

RUN = RunIdentity("dag", "run", "deploy")
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/abalone/3"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
MODEL = package_model(PACKAGE, ROLE)
VARIANT = {"instanceType": "ml.m5.large", "initialInstanceCount": 2}


def spec(**changes: Any) -> EndpointSpec:
    return EndpointSpec(**{"endpoint_name": "Abalone", "model": MODEL, "variant": VARIANT, **changes})


def config_of(made: EndpointSpec, attempt: int = 1) -> dict[str, Any]:
    return made.config_manifest("ml", RUN, attempt, tried=Try(), former="before")


def test_model_configuration_and_endpoint_hang_together() -> None:
    made = spec(deployment_config=canary(), region="eu-central-1", metrics={"mse": 4.5})
    model, config = made.model_manifest("ml", RUN, 2), config_of(made, 2)
    name = model["spec"]["modelName"]
    assert name == model["metadata"]["name"] == config["spec"]["endpointConfigName"]
    assert name.startswith("abalone-")
    assert name.endswith("-2")
    assert config["spec"]["productionVariants"] == [
        {"initialVariantWeight": 1.0, **VARIANT, "modelName": name, "variantName": "AllTraffic"}
    ]
    endpoint = made.endpoint_manifest("ml", name)
    assert endpoint["metadata"]["name"] == "abalone"
    assert endpoint["spec"]["endpointName"] == "Abalone"
    assert (
        endpoint["spec"]["deploymentConfig"]["blueGreenUpdatePolicy"]["trafficRoutingConfiguration"]["type_"]
        == "CANARY"
    )
    for each in (model, config, endpoint):
        assert each["metadata"]["annotations"]["services.k8s.aws/region"] == "eu-central-1"
    assert package_of(config) == PACKAGE
    assert metrics_of(config) == {"mse": 4.5}


def test_each_attempt_has_names_of_its_own_and_each_try_of_it_the_same() -> None:
    names = {config_of(spec(), attempt)["spec"]["endpointConfigName"] for attempt in (1, 2, 3, 1, 2)}
    assert len(names) == 3
    longest = spec(endpoint_name="a" * 63)
    assert len(config_of(longest, 99)["spec"]["endpointConfigName"]) <= 63


def test_the_variants_name_decides_what_becomes_of_its_properties() -> None:
    kept = [config_of(spec(), attempt)["spec"]["productionVariants"][0]["variantName"] for attempt in (1, 2)]
    assert kept == ["AllTraffic", "AllTraffic"]
    reset = [
        config_of(spec(keep_variant_properties=False), attempt)["spec"]["productionVariants"][0]["variantName"]
        for attempt in (1, 2, 1)
    ]
    assert reset[0] == reset[2] != reset[1]
    pattern = Session().get_service_model("sagemaker").shape_for("VariantName").metadata
    assert all(len(name) <= pattern["max"] for name in (*reset, variant_name("x" * 63, "c", keep=False)))


def test_variants_of_ones_own() -> None:
    given = [{"variantName": "a", "modelName": "theirs"}, {"serverlessConfig": {"memorySizeInMB": 2048}}]
    config = config_of(spec(variant={}, config={"productionVariants": given, "kmsKeyID": "k"}))
    variants = config["spec"]["productionVariants"]
    assert [variant["modelName"] for variant in variants] == ["theirs", config["spec"]["endpointConfigName"]]
    assert [variant["variantName"] for variant in variants] == ["a", "Variant2"]
    assert config["spec"]["kmsKeyID"] == "k"


def test_what_is_asked_for_is_compared_without_names() -> None:
    assert spec().asked() == spec(region="eu-central-1", deployment_config=canary()).asked()
    assert spec().asked() != spec(variant={**VARIANT, "initialInstanceCount": 3}).asked()
    assert spec().asked() != spec(keep_variant_properties=False).asked()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"endpoint_name": "no_underscores"}, "endpoint_name"),
        ({"model": {}}, "primaryContainer"),
        ({"model": {**MODEL, "modelName": "mine"}}, "modelName"),
        ({"config": {"endpointConfigName": "mine"}}, "endpointConfigName"),
        ({"variant": {}}, "instance_type"),
        ({"config": {"productionVariants": [{}]}}, "say nothing"),
        ({"variant": {}, "config": {"productionVariants": "a"}}, "list of mappings"),
        ({"deployment_config": {}}, "blueGreenUpdatePolicy"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(changes: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        spec(**changes)


@pytest.mark.parametrize("arn", ["", "abalone/3", None, ROLE])
def test_a_model_package_is_named_by_its_arn(arn: Any) -> None:
    with pytest.raises(SpecError, match="model_package_arn"):
        package_model(arn, ROLE)


def test_what_a_model_serves_is_named_for_people() -> None:
    assert model_of(MODEL) == PACKAGE
    assert model_of({"containers": [{"modelDataURL": "s3://b/m.tar.gz", "image": "i"}]}) == "s3://b/m.tar.gz"
    assert model_of({}) is None
    assert package_of(None) is None


@pytest.mark.parametrize("noted", ["[]", "{", "1", '{"a": true, "b": "x"}'])
def test_metrics_that_nobody_here_has_written_are_none(noted: str) -> None:
    assert metrics_of({"metadata": {"annotations": {"airflow-ack-sagemaker/metrics": noted}}}) == {}


@pytest.mark.parametrize("made", [canary(alarms=["5xx"]), linear(termination_wait=60), rolling(alarms=["a", "b"])])
def test_ways_of_deployment_are_what_the_api_takes(made: dict[str, Any]) -> None:
    shape = Session().get_service_model("sagemaker").shape_for("DeploymentConfig")
    _fits(made, shape)
    assert check_deployment(made) == made


def _fits(value: Any, shape: Any) -> None:
    if shape.type_name == "structure":
        members = {name[0].lower() + name[1:]: member for name, member in shape.members.items()}
        assert set(value) <= set(members)
        assert {name[0].lower() + name[1:] for name in shape.required_members} <= set(value)
        for name, inner in value.items():
            _fits(inner, members[name])
    elif shape.type_name == "list":
        for inner in value:
            _fits(inner, shape.member)
    elif shape.type_name == "integer":
        assert shape.metadata.get("min", value) <= value <= shape.metadata.get("max", value)
    elif getattr(shape, "enum", None):
        assert value in shape.enum


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("x", "mapping"),
        ({"canary": {}}, "unknown members"),
        ({**canary(), **rolling()}, "one of"),
        ({"blueGreenUpdatePolicy": {}}, "trafficRoutingConfiguration"),
        ({"blueGreenUpdatePolicy": {"trafficRoutingConfiguration": {"type": "SLOW"}}}, "ALL_AT_ONCE"),
        ({"blueGreenUpdatePolicy": {"trafficRoutingConfiguration": {"type": "ALL_AT_ONCE"}}}, "waitIntervalInSeconds"),
        (
            {"blueGreenUpdatePolicy": {"trafficRoutingConfiguration": {"type": "CANARY", "waitIntervalInSeconds": 1}}},
            "canarySize",
        ),
        ({"rollingUpdatePolicy": None}, "rollingUpdatePolicy"),
        ({**rolling(), "autoRollbackConfiguration": {"alarms": []}}, "1 to 10 alarms"),
        ({**rolling(), "autoRollbackConfiguration": {"alarms": ["5xx"]}}, "alarmName"),
    ],
)
def test_a_deployment_that_sagemaker_would_refuse(wrong: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        check_deployment(json.loads(json.dumps(wrong)))


@pytest.mark.parametrize("make", [canary, linear, rolling])
@pytest.mark.parametrize("percent", [0, 51])
def test_sizes_have_limits(make: Any, percent: int) -> None:
    with pytest.raises(SpecError, match="percent"):
        make(percent=percent)


@pytest.mark.parametrize("make", [canary, linear, rolling])
def test_waits_have_limits(make: Any) -> None:
    with pytest.raises(SpecError, match="0 to 3600"):
        make(wait=3601)
