"""What serves a model: manifests of a model, a configuration and an endpoint, for one attempt to roll them out.

SageMaker edits neither a model nor a configuration, and the controller refuses a configuration that has failed once. So
both get a new name for each attempt, made of the endpoint's name and the run's identity.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.deployment import check_deployment, written
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_ASKED,
    ANNOTATION_LAUNCHED_BY,
    LABEL_ATTEMPT,
    PREFIX,
    RunIdentity,
    label_value,
    slug,
)
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import (
    ANNOTATION_REGION,
    SpecError,
    check_role_arn,
    resource_manifest,
)

ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""API model, ``EndpointName``; configurations and variants are named alike."""
DEFAULT_VARIANT = "AllTraffic"
"""The name that SageMaker's own SDK gives the only variant."""
LABEL_ENDPOINT = f"{PREFIX}/endpoint"
"""Of a model and a configuration: the endpoint that they were made for."""
ANNOTATION_FORMER = f"{PREFIX}/former-config"
"""Of a configuration: the one that served when it was rolled out."""
ANNOTATION_SERVES = f"{PREFIX}/serving-config"
"""Of an endpoint: the configuration that was last known to serve."""
ANNOTATION_MODEL = f"{PREFIX}/model"
"""Of a configuration: the model that it serves, for people: a model package's ARN, or the artifact."""
ANNOTATION_METRICS = f"{PREFIX}/metrics"
"""Of a configuration or a model version: what the gate read of it, a JSON object of numbers by path."""
_PACKAGE_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:model-package/.+")


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What a task asks an endpoint for.

    ``model`` is the ``spec`` of a Model and ``config`` of an EndpointConfig, both without their names. ``variant`` has
    the members of the only variant (``instanceType``, ``initialInstanceCount``, ...) where ``config`` has no
    ``productionVariants``. ``keep_variant_properties``: see `variant_name`.
    """

    endpoint_name: str
    model: Mapping[str, Any]
    variant: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    deployment_config: Mapping[str, Any] | None = None
    keep_variant_properties: bool = True
    metrics: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.endpoint_name, str) or not ENDPOINT_NAME.fullmatch(self.endpoint_name):
            raise SpecError(
                f"endpoint_name {self.endpoint_name!r} is not a SageMaker endpoint name: 1 to 63 letters, digits and "
                "hyphens, beginning and ending with a letter or digit."
            )
        if not self.model.get("primaryContainer") and not self.model.get("containers"):
            raise SpecError("model needs a primaryContainer or containers: the spec of a Model, without its modelName.")
        for what, values, name in (
            ("model", self.model, "modelName"),
            ("config", self.config, "endpointConfigName"),
        ):
            if name in values:
                raise SpecError(
                    f"{what} has {name} {values[name]!r}, which is given for each attempt anew, since SageMaker edits "
                    "no model and no configuration: leave it out."
                )
        variants = self.config.get("productionVariants")
        if variants is None and not self.variant:
            raise SpecError("Give instance_type, or config with serverless or other productionVariants.")
        if variants is not None and self.variant:
            raise SpecError(
                "config has productionVariants, so that instance_type and initial_instance_count say nothing."
            )
        if variants is not None and (
            not isinstance(variants, list) or not variants or not all(isinstance(item, Mapping) for item in variants)
        ):
            raise SpecError("config.productionVariants must be a list of mappings, one for each variant.")
        if self.deployment_config is not None:
            check_deployment(self.deployment_config)

    @property
    def name(self) -> str:
        """The endpoint resource's name in Kubernetes: its name in lower case."""
        return self.endpoint_name.lower()

    def asked(self) -> str:
        """Digest (hexadecimal) of what is to serve: what serves the same need not be rolled out again."""
        content = [self.model, self.variant, self.config, self.keep_variant_properties]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def attempt_name(self, identity: RunIdentity, attempt: int) -> str:
        """The name of the model and of the configuration of an attempt, in Kubernetes and in SageMaker."""
        return identity.resource_name(self.endpoint_name, attempt)

    def model_manifest(self, namespace: str, identity: RunIdentity, attempt: int) -> dict[str, Any]:
        """The Model of an attempt."""
        name = self.attempt_name(identity, attempt)
        return self._manifest("Model", name, namespace, {**self.model, "modelName": name}, identity, attempt, {})

    def config_manifest(
        self, namespace: str, identity: RunIdentity, attempt: int, *, tried: Try, former: str | None
    ) -> dict[str, Any]:
        """The EndpointConfig of an attempt, with what a later try must know of it.

        :param former: the configuration that serves now.
        """
        name = self.attempt_name(identity, attempt)
        given = self.config.get("productionVariants") or [{"initialVariantWeight": 1.0, **self.variant}]
        variants = [self._variant(variant, name, index) for index, variant in enumerate(given)]
        notes = {
            ANNOTATION_ASKED: self.asked(),
            ANNOTATION_LAUNCHED_BY: tried.to_text(),
            ANNOTATION_MODEL: model_of(self.model) or name,
        }
        if former:
            notes[ANNOTATION_FORMER] = former
        if self.metrics:
            notes[ANNOTATION_METRICS] = json.dumps(dict(self.metrics), sort_keys=True)
        spec = {**self.config, "endpointConfigName": name, "productionVariants": variants}
        return self._manifest("EndpointConfig", name, namespace, spec, identity, attempt, notes)

    def endpoint_manifest(self, namespace: str, config: str) -> dict[str, Any]:
        """The Endpoint with this configuration. It is kept and shared: it belongs to no run."""
        spec: dict[str, Any] = {"endpointName": self.endpoint_name, "endpointConfigName": config}
        if self.deployment_config is not None:
            spec["deploymentConfig"] = written(self.deployment_config)
        return resource_manifest(
            "Endpoint", self.name, namespace, spec, labels=self.labels, annotations=self._annotations()
        )

    def _variant(self, variant: Mapping[str, Any], name: str, index: int) -> dict[str, Any]:
        given = variant.get("variantName") or (DEFAULT_VARIANT if index == 0 else f"Variant{index + 1}")
        own = {} if "modelName" in variant else {"modelName": name}
        return {**variant, **own, "variantName": variant_name(given, name, keep=self.keep_variant_properties)}

    def _manifest(
        self,
        kind: str,
        name: str,
        namespace: str,
        spec: Mapping[str, Any],
        identity: RunIdentity,
        attempt: int,
        notes: Mapping[str, str],
    ) -> dict[str, Any]:
        labels = {LABEL_ATTEMPT: str(attempt), LABEL_ENDPOINT: label_value(self.endpoint_name)}
        return resource_manifest(
            kind,
            name,
            namespace,
            spec,
            labels={**self.labels, **identity.labels(), **labels},
            annotations={**self._annotations(), **identity.annotations(), **notes},
        )

    def _annotations(self) -> dict[str, str]:
        return {**self.annotations, **({ANNOTATION_REGION: self.region} if self.region else {})}


def variant_name(given: str, config: str, *, keep: bool) -> str:
    """The name of a variant, which decides what becomes of its properties in an update.

    The controller always sends RetainAllVariantProperties: a variant that keeps its name keeps the instance count and
    the weight that the endpoint has now (as autoscaling left them) and its data capture, whatever the new configuration
    says. One with a new name starts with the configuration's; autoscaling must then be registered for it anew.

    :param keep: keep the name, and so the properties.
    """
    if keep:
        return given
    tail = hashlib.sha256(config.encode()).hexdigest()[:8]
    return f"{slug(given, 54)}-{tail}"


def package_model(model_package_arn: str, role_arn: str, *, environment: Mapping[str, str] | None = None) -> Any:
    """``spec`` of a Model that serves a version of the model registry.

    :param role_arn: what the model's container acts as.
    :raises SpecError: one of the ARNs is none.
    """
    if not isinstance(model_package_arn, str) or not _PACKAGE_ARN.fullmatch(model_package_arn):
        raise SpecError(
            f"model_package_arn {model_package_arn!r} is not the ARN of a model package, e.g. "
            "arn:aws:sagemaker:eu-central-1:123456789012:model-package/abalone/3."
        )
    container: dict[str, Any] = {"modelPackageName": model_package_arn}
    if environment:
        container["environment"] = dict(environment)
    return {"executionRoleARN": check_role_arn(role_arn), "primaryContainer": container}


def model_of(spec: Mapping[str, Any]) -> str | None:
    """What a Model's spec serves, for people: a model package's ARN, or the artifact of its (first) container."""
    containers = spec.get("containers")
    container = spec.get("primaryContainer") or (containers[0] if isinstance(containers, list) and containers else None)
    if not isinstance(container, Mapping):
        return None
    return next(
        (value for key in ("modelPackageName", "modelDataURL", "image") if (value := fields.text(container, key))), None
    )


def package_of(config: Resource | None) -> str | None:
    """ARN of the model package that a configuration serves; None where it serves none, or is not ours."""
    said = None if config is None else fields.annotation(config, ANNOTATION_MODEL)
    return said if said and _PACKAGE_ARN.fullmatch(said) else None


def metrics_of(resource: Resource | None) -> dict[str, float]:
    """What the gate had read of a model, as its configuration or its version has it."""
    try:
        said = json.loads((resource and fields.annotation(resource, ANNOTATION_METRICS)) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {key: value for key, value in said.items() if isinstance(value, int | float) and not isinstance(value, bool)}
