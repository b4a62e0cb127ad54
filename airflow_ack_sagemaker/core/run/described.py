"""Does SageMaker have a pipeline as its resource asks for it?

The status of the resource tells it, but for one case: where nobody can tell whether that status answers the last change
(`core.resource.freshness`). A write that changes labels only renews its manager's time and gets no answer. And the
controller does not repeat a status write that met somebody else's: two writes in quick succession, as ``kubectl apply
--server-side`` sends where it takes over from a client-side apply, may leave a status from before for hours. What
SageMaker has is the same fact without a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.definition.digest import digest_of

_TEXTS = {
    "pipelineName": "PipelineName",
    "pipelineDisplayName": "PipelineDisplayName",
    "pipelineDescription": "PipelineDescription",
    "roleARN": "RoleArn",
}
"""Field of ``Pipeline.spec`` -> member of DescribePipeline. Tags are set when a pipeline is made: never compared."""
_PARALLELISM = {"maxParallelExecutionSteps": "MaxParallelExecutionSteps"}


def is_as_asked(spec: Mapping[str, Any], described: Mapping[str, Any]) -> bool:
    """Whether SageMaker has everything that a ``Pipeline.spec`` asks for.

    A field that only a later controller knows counts as a difference.

    :param described: the answer of DescribePipeline.
    """
    if described.get("PipelineStatus") != "Active":
        return False
    for name, wanted in spec.items():
        if name == "tags" or wanted is None:
            continue
        if name == "pipelineDefinition":
            has: Any = described.get("PipelineDefinition")
            same = isinstance(has, str) and isinstance(wanted, str) and digest_of(has) == digest_of(wanted)
        elif name in _TEXTS:
            same = described.get(_TEXTS[name]) == wanted
        elif name == "parallelismConfiguration" and isinstance(wanted, Mapping):
            has = described.get("ParallelismConfiguration") or {}
            same = all(part in _PARALLELISM and has.get(_PARALLELISM[part]) == it for part, it in wanted.items())
        else:
            same = False
        if not same:
            return False
    return True
