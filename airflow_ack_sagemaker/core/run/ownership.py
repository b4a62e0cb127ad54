"""Is a resource really this run's? An identity annotation alone proves nothing: anybody may have copied it.

Before a task attaches to a resource or takes its end, the name must be the one that the identity gives, the launch must
be recorded, and the pipeline must be the one that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_ASKED, RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import launched_by
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, SpecError, pipeline_name_of
from airflow_ack_sagemaker.core.run.decision import attempt_of


def check_ours(resource: Resource, identity: RunIdentity) -> None:
    """Refuse a resource that carries this run's identity and that this run cannot have made.

    :raises SpecError: saying what does not fit.
    """
    name, where = fields.name(resource), f"pipelineexecution/{fields.name(resource)}"
    expected = identity.resource_name(fields.pipeline_name(resource), attempt_of(resource))
    if name != expected:
        raise SpecError(
            f"{where} carries the identity of this run, but its name should be {expected}: somebody has copied or "
            "edited it. Nothing was launched. Delete it, or remove its annotations and labels of "
            "airflow-ack-sagemaker."
        )
    if launched_by(resource) is None:
        raise SpecError(
            f"{where} carries the identity of this run, but not the record of its launch: somebody has edited it. "
            "Nothing was launched. Delete it, or give it another name."
        )


def check_pipeline(resource: Resource, pipeline: str) -> None:
    """Refuse to go on with an execution of another pipeline than the task asks for now.

    :param pipeline: name or ARN.
    :raises SpecError: naming both.
    """
    runs, wanted = fields.pipeline_name(resource), pipeline_name_of(pipeline)
    if runs != wanted:
        raise SpecError(
            f"An earlier try of this run has launched pipelineexecution/{fields.name(resource)} of pipeline {runs!r}; "
            f"the task now asks for {wanted!r}. Nothing was launched. To launch {wanted!r}, clear the task: that also "
            f"stops what runs of {runs!r}."
        )


def difference(
    resource: Resource, spec: ExecutionSpec, shown: Callable[[Mapping[str, str]], Mapping[str, str]] = dict
) -> str | None:
    """What an earlier launch of this run was asked for that differs from what is asked for now, with both values.

    None: it was asked for the same.

    :param shown: parameters as a log may show them: without secrets.
    """
    asked = spec.asked_sha256 or spec.asked()
    if fields.annotation(resource, ANNOTATION_ASKED) == asked:
        return None
    was, now = fields.parameters(resource), {item["name"]: item["value"] for item in spec.parameters}
    names = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    was, now = dict(shown(was)), dict(shown(now))
    differing = [f"{name}={was.get(name, '(not given)')!r}, now {now.get(name, '(not given)')!r}" for name in names]
    return "; ".join(differing) or "settings other than its parameters (version, steps, region or parallel steps)"
