"""What ListPipelineExecutionSteps tells of a step beside its status: the ``Metadata``, by the step's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Unresolved, resolve, text_of
from airflow_ack_sagemaker.core.definition.step_types import STEP_TYPES
from airflow_ack_sagemaker.sandbox.aws.jobs import job_name, resource_arn, token_of
from airflow_ack_sagemaker.sandbox.aws.records import StepState
from airflow_ack_sagemaker.sandbox.aws.results import Results

_ENDED = ("Succeeded", "Failed", "Stopped")


class _Step:
    """A step that is told of."""

    def __init__(self, execution_arn: str, state: StepState, results: Results) -> None:
        self.arn = execution_arn
        self.state = state
        self.run = state.run
        self.results = results
        self.step = results.plan.steps[state.run.step]
        self.name = job_name(execution_arn, state.run)

    def member(self, name: str) -> str | None:
        """A member of the step's own object as a text; None where it has no value."""
        value = self.step.body.get(name)
        found = None if value is None else resolve(value, self.results.scope_of(self.run))
        return None if found is None or isinstance(found, Unresolved) else text_of(found)

    def argument(self, name: str) -> str | None:
        value = (self.step.body.get("Arguments") or {}).get(name)
        found = None if value is None else resolve(value, self.results.scope_of(self.run))
        return None if found is None or isinstance(found, Unresolved) else text_of(found)

    def outputs(self) -> list[dict[str, str]]:
        """The output parameters that are known."""
        properties = self.results.properties(self.run.name)
        found = properties.get("OutputParameters") if isinstance(properties, dict) else None
        values = found if isinstance(found, dict) else {}
        return [{"Name": str(name), "Value": text_of(value)} for name, value in values.items()]


def _condition(told: _Step) -> dict[str, Any]:
    return {} if told.state.branch is None else {"Outcome": str(told.state.branch)}


def _callback(told: _Step) -> dict[str, Any]:
    return {
        "CallbackToken": token_of(told.arn, told.run),
        "SqsQueueUrl": told.member("SqsQueueUrl"),
        "OutputParameters": told.outputs(),
    }


def _lambda(told: _Step) -> dict[str, Any]:
    return {"Arn": told.member("FunctionArn"), "OutputParameters": told.outputs()}


def _emr(told: _Step) -> dict[str, Any]:
    token = token_of(told.arn, told.run, 13).upper()
    cluster = told.argument("ClusterId") or told.member("ClusterId") or f"j-{token}"
    return {"ClusterId": cluster, "StepId": f"s-{token}", "StepName": told.name}


def _emr_serverless(told: _Step) -> dict[str, Any]:
    token = token_of(told.arn, told.run, 16)
    return {"ApplicationId": told.argument("ApplicationId") or token, "JobRunId": token, "JobRunName": told.name}


def _check(told: _Step) -> dict[str, Any]:
    flags = {"SkipCheck": told.member("SkipCheck"), "RegisterNewBaseline": told.member("RegisterNewBaseline")}
    return {
        "CheckType": told.member("CheckType"),
        "ModelPackageGroupName": told.member("ModelPackageGroupName"),
        "CheckJobArn": resource_arn(told.step.type, told.run, told.arn, {}),
        **{name: value.lower() == "true" for name, value in flags.items() if value is not None},
    }


def _lineage(told: _Step) -> dict[str, Any]:
    region, account = told.arn.split(":")[3:5]
    start = f"arn:aws:sagemaker:{region}:{account}:"
    arguments = told.results.arguments(told.run)
    found: dict[str, Any] = {}
    for key, kind in (("Actions", "action"), ("Artifacts", "artifact"), ("Contexts", "context")):
        listed = arguments.get(key)
        made = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        names = [str(one.get(f"{key[:-1]}Name", f"{kind}-{index}")) for index, one in enumerate(made)]
        if names:
            found[f"{key[:-1]}Arns"] = {name: f"{start}{kind}/{name}" for name in names}
    return found


def _athena(told: _Step) -> dict[str, Any]:
    return {"QueryExecutionId": token_of(told.arn, told.run, 32)}


def _cleanup(told: _Step) -> dict[str, Any]:
    resources = told.results.arguments(told.run).get("Resources") or {}
    names = [source["StepName"] for source in resources.get("S3") or () if isinstance(source, dict)]
    return {"CleanedSteps": names} if told.state.status == "Succeeded" else {}


def _for_each(told: _Step) -> dict[str, Any]:
    result = told.run.loop
    if result is None or told.state.status not in _ENDED:
        return {}
    selected = result.selected
    return {
        "Status": told.state.status,
        "InputItemCount": result.items,
        "TotalStepCount": result.total,
        "SucceededStepCount": result.succeeded,
        "FailedStepCount": result.failed,
        "StoppedStepCount": result.stopped,
        "Selector": None if selected is None else {"StepName": selected[0], "Index": selected[1]},
    }


def _hub_content(told: _Step) -> dict[str, Any]:
    region, account = told.arn.split(":")[3:5]
    hub = told.argument("HubName") or "sandbox"
    name = told.argument("HubContentName") or told.name
    start = f"arn:aws:sagemaker:{region}:{account}"
    return {"HubArn": f"{start}:hub/{hub}", "HubContentArn": f"{start}:hub-content/{hub}/Model/{name}/1.0.0"}


def _bedrock(told: _Step) -> dict[str, Any]:
    region, account = told.arn.split(":")[3:5]
    return {"Arn": f"arn:aws:bedrock:{region}:{account}:{told.step.type}/{told.name}"}


def _register_model(told: _Step) -> dict[str, Any]:
    return {"Arn": told.results.registered.get((told.run.name, told.run.attempt)) or None}


def _resource(told: _Step) -> dict[str, Any]:
    return {"Arn": resource_arn(told.step.type, told.run, told.arn, told.results.arguments(told.run))}


_TELLERS: dict[str, Callable[[_Step], dict[str, Any]]] = {
    "Athena": _athena,
    "Callback": _callback,
    "ClarifyCheck": _check,
    "Cleanup": _cleanup,
    "Condition": _condition,
    "EMR": _emr,
    "EMRServerless": _emr_serverless,
    "Fail": lambda told: {"ErrorMessage": told.state.reason},
    "ForEach": _for_each,
    "HubContent": _hub_content,
    "Lambda": _lambda,
    "Lineage": _lineage,
    "QualityCheck": _check,
    "RegisterModel": _register_model,
}


def metadata_of(execution_arn: str, state: StepState, results: Results) -> Mapping[str, Any]:
    """The Metadata of a step as it stands."""
    told = _Step(execution_arn, state, results)
    kind = STEP_TYPES.get(told.step.type)
    if kind is None:
        return {}
    teller = _TELLERS.get(told.step.type, _bedrock if told.step.type.startswith("Bedrock") else _resource)
    return {kind.metadata: {name: value for name, value in teller(told).items() if value is not None}}
