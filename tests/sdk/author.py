"""Runs with the SageMaker Python SDK, in an environment of its own: makes pipelines, and runs them on an endpoint.

Nothing of this project's package is imported here. Called with the name of a file, it writes there what it made and saw
as JSON: `pipelines` by name with their definition, the edges of the SDK's PipelineGraph, how the execution ended, and
its steps; `calls` with what the other calls of an execution gave.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.sdk.kit import MAJOR, ROLE, SESSION, sdk, training
from tests.sdk.pipelines import MADE

Pipeline, PipelineGraph = sdk("pipeline", "Pipeline"), sdk("pipeline", "PipelineGraph")


def graph(made: Any) -> list[list[str]]:
    """The edges of the SDK's own graph."""
    found = PipelineGraph.from_pipeline(made).adjacency_list
    return sorted([source, target] for source, targets in found.items() for target in targets)


def ended(execution: Any) -> str:
    """Wait in the SDK's way. Its waiter knows Succeeded and Failed only, and goes on until it is told to stop."""
    from botocore.exceptions import WaiterError

    with contextlib.suppress(WaiterError):
        execution.wait(delay=0.05, max_attempts=600)
    return str(execution.describe()["PipelineExecutionStatus"])


def run(name: str) -> dict[str, Any]:
    parameters, steps = MADE[name]()
    mlflow = {}
    if MAJOR == 3 and name == "chain":
        config = importlib.import_module("sagemaker.core.shapes").MlflowConfig
        arn = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/m"
        mlflow = {"mlflow_config": config(mlflow_resource_arn=arn, mlflow_experiment_name="e")}
    made = Pipeline(name=name, parameters=parameters, steps=steps, sagemaker_session=SESSION, **mlflow)
    definition = made.definition()
    made.upsert(role_arn=ROLE)
    given = {"compared": {"Flag": True, "Number": 9}, "outcome-told": {"Number": 3}}.get(name)
    execution = made.start(parameters=given)
    status = "CompletedWithFailures" if name == "handled" else ended(execution)
    if name == "handled":
        until(lambda: execution.describe()["PipelineExecutionStatus"] == status)
    listed = SESSION.sagemaker_client.list_pipeline_execution_steps(PipelineExecutionArn=execution.arn, MaxResults=100)[
        "PipelineExecutionSteps"
    ]
    return {
        "definition": definition,
        "edges": graph(made),
        "status": status,
        "steps": {step["StepName"]: [step["StepStatus"], step.get("FailureReason")] for step in listed},
        "listed": len(execution.list_steps()),
    }


def until(condition_: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition_():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def result_of_a_function() -> dict[str, Any]:
    """A pipeline of a decorated function: what the job would write is written here, and `result` reads it."""
    place = {2: "sagemaker.remote_function.core.serialization", 3: "sagemaker.core.remote_function.core.serialization"}
    serialization = importlib.import_module(place[MAJOR])
    decorate = sdk("function_step", "step")
    settings = {"name": "Add", "image_uri": "image", "instance_type": "ml.m5.large", "role": ROLE}

    @decorate(**settings)  # type: ignore[untyped-decorator]
    def add(a: int, b: int) -> int:
        return a + b

    made = Pipeline(name="decorated", steps=[add(20, 22)], sagemaker_session=SESSION)
    made.upsert(role_arn=ROLE)
    execution = made.start()
    ended(execution)
    [listed] = execution.list_steps()
    name = listed["Metadata"]["TrainingJob"]["Arn"].split("/")[-1]
    job = SESSION.sagemaker_client.describe_training_job(TrainingJobName=name)
    uri = job["OutputDataConfig"]["S3OutputPath"]
    serialization.serialize_obj_to_s3(42, SESSION, uri)
    return {"definition": made.definition(), "result": execution.result("Add"), "output": uri}


def stopped() -> str:
    """An execution that is stopped. The endpoint's script holds the step `Held`."""
    made = Pipeline(name="held", steps=[training("Held")], sagemaker_session=SESSION)
    made.upsert(role_arn=ROLE)
    made.upsert(role_arn=ROLE, description="A second version")
    execution = made.start()
    execution.stop()
    until(lambda: execution.describe()["PipelineExecutionStatus"] == "Stopped")
    [listed] = execution.list_steps()
    return str(listed["StepStatus"])


def selected() -> list[str]:
    """A selective execution of a part of a chain, on the results of the one before."""
    _, steps = MADE["chain"]()
    made = Pipeline(name="chain", steps=steps, sagemaker_session=SESSION)
    config = sdk("selective_execution_config", "SelectiveExecutionConfig")(selected_steps=["Fit", "Evaluate"])
    execution = made.start(selective_execution_config=config)
    ended(execution)
    return [step["StepName"] for step in execution.list_steps() if "SelectiveExecutionResult" not in step]


def main() -> None:
    SESSION.boto_session.client("s3").create_bucket(Bucket="sdk-bucket")
    found: dict[str, Any] = {"pipelines": {name: run(name) for name in MADE}}
    found["calls"] = {"result": result_of_a_function(), "stopped": stopped(), "selected": selected()}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
