"""The result of a task that has launched an execution, as a later task of the run is given it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def execution_result(value: Any) -> Mapping[str, Any]:
    """The result, if it is one.

    :raises AckInputError: it is something else, most often the text of a template.
    """
    from airflow_ack_sagemaker.exceptions import AckInputError

    if not isinstance(value, Mapping) or not isinstance(value.get("arn"), str):
        raise AckInputError(
            f"execution must be the result of an AckPipelineExecutionOperator, which has an arn, not {value!r}: give "
            "task.output."
        )
    return value
