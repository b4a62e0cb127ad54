"""What an execution has read and written, for OpenLineage: Airflow's provider of that name asks the operator.

The provider is needed for nothing else, and imported only where it asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_ack_sagemaker.operators.ran import definition_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.definition.datasets import Datasets
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.kube.log import Log

_NAMED = 5
_MASK = "***"
"""What Airflow writes in place of a secret."""


def lineage_of(
    client: KubeClient,
    result: Mapping[str, Any],
    *,
    pipeline_resource_name: str | None,
    aws_conn_id: str | None,
    log: Log,
) -> Any:
    """The provider's ``OperatorLineage`` of an execution; None where its definition cannot be had. What the definition
    alone does not tell is left out, and said in the log.

    :param result: what the operator has returned. A parameter that is masked there has no value here.

    See `definition_of` for the other parameters and the errors.
    """
    from airflow_ack_sagemaker.core.definition.datasets import datasets_of
    from airflow_ack_sagemaker.core.definition.expressions import Scope
    from airflow_ack_sagemaker.core.lifecycle.report import variables_of

    definition = definition_of(
        client,
        result,
        result["namespace"],
        pipeline_resource_name=pipeline_resource_name,
        aws_conn_id=aws_conn_id,
    )
    if definition is None:
        log.info("No lineage: the definition that %s has run cannot be had.", result["arn"])
        return None
    declared = {item.name: item.default for item in definition.parameters if item.has_default}
    values = {**declared, **result["parameters"]}
    scope = Scope(
        parameters={name: value for name, value in values.items() if _MASK not in str(value)},
        execution=variables_of(result["arn"]),
        experiment=definition.document.get("PipelineExperimentConfig") or {},
    )
    found = datasets_of(definition.steps, scope)
    if found.left_out:
        more = len(found.left_out) - _NAMED
        said = "; ".join([*map(str, found.left_out[:_NAMED]), *([f"and {more} more"] if more > 0 else [])])
        log.info("Lineage leaves out what the definition does not tell: %s", said)
    return _as_lineage(found)


def _as_lineage(found: Datasets) -> Any:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    def dataset(place: str) -> Any:
        # OpenLineage's naming: the bucket is the namespace, the key the name.
        parts = urlsplit(place)
        return Dataset(namespace=f"s3://{parts.netloc}", name=parts.path.strip("/") or "/")

    return OperatorLineage(
        inputs=[dataset(place) for place in found.inputs], outputs=[dataset(place) for place in found.outputs]
    )
