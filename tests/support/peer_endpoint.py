"""An endpoint that the amazon provider's operator updates, made beside this package."""

from __future__ import annotations

from typing import Any

from harness.waiting import wait_until


def serving(sagemaker: Any, endpoint: str, *, image: str, role: str) -> str:
    """Make an endpoint that serves the first of two configurations; the name of the second.

    :param sagemaker: a boto3 client.
    """
    for number in (1, 2):
        name = f"{endpoint}-{number}"
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": image}, ExecutionRoleArn=role)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=f"{endpoint}-1")
    wait_until(
        lambda: sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService", 60, "the endpoint"
    )
    return f"{endpoint}-2"
