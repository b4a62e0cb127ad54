"""Where the job of a step writes its log.

Log groups are SageMaker's own (developer guide, "Log groups and streams"): ``/aws/sagemaker/TrainingJobs`` and so on,
with streams that begin with the job's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROUPS = {
    "TrainingJob": ("/aws/sagemaker/TrainingJobs", "/"),
    "ProcessingJob": ("/aws/sagemaker/ProcessingJobs", "/"),
    "TransformJob": ("/aws/sagemaker/TransformJobs", "/"),
    "TuningJob": ("/aws/sagemaker/TrainingJobs", "-"),
}
"""Member of a step's ``Metadata`` -> log group, and what follows the job's name in its streams' names.

The training jobs of a tuning job begin with its name and a hyphen.
"""
_JOB = re.compile(r"[A-Za-z0-9-]{1,128}")


@dataclass(frozen=True, slots=True)
class StepLog:
    """A log group, and how the names of the job's streams in it begin."""

    group: str
    prefix: str


def log_of(step: Mapping[str, Any]) -> StepLog | None:
    """Where the job of a step writes; None: it has no job with a log.

    :param step: a member of ListPipelineExecutionSteps.
    """
    metadata = step.get("Metadata")
    for member, (group, after) in GROUPS.items():
        made = metadata.get(member) if isinstance(metadata, Mapping) else None
        arn = made.get("Arn") if isinstance(made, Mapping) else None
        job = arn.rpartition("/")[2] if isinstance(arn, str) else ""
        if _JOB.fullmatch(job):
            return StepLog(group, job + after)
    return None
