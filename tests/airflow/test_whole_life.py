"""`retraining` from the definition to what serves: gate, registration, approval, deployment, first prediction."""

from __future__ import annotations

import json
from typing import Any

from harness.waiting import wait_until
from tests.airflow.support import BUCKET, Case, definition

GROUP = "retraining"
ALL = ("pipeline", "execution", "gate", "register", "approve", "deploy", "smoke_test", "collect")


def evaluated(case: Case, **changes: Any) -> dict[str, Any]:
    """A definition whose evaluation writes a report under the execution's id."""
    body = definition(**changes)
    values = [f"s3://{BUCKET}/{case.pipeline}", {"Get": "Execution.PipelineExecutionId"}]
    output = {"OutputName": "evaluation", "S3Output": {"S3Uri": {"Std:Join": {"On": "/", "Values": values}}}}
    evaluate = body["Steps"][1]
    evaluate["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [output]}
    evaluate["PropertyFiles"] = [
        {"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "evaluation.json"}
    ]
    return body


def states(case: Case, dag_id: str, run_id: str) -> dict[str, str | None]:
    instances = case.airflow.api.task_instances(dag_id, run_id)
    return {item["task_id"].removeprefix(f"{GROUP}."): item["state"] for item in instances}


def run_with_report(case: Case, mse: float) -> str:
    """A run of the whole whose evaluation says so, to its end: its id."""
    case.script("Evaluate=hold")
    before = len(case.executions())
    run_id = case.start("whole")
    wait_until(lambda: len(case.executions()) > before, 60, "the execution")
    arn = case.executions()[-1]["PipelineExecutionArn"]
    report = json.dumps({"regression_metrics": {"mse": {"value": mse}}}).encode()
    key = f"{case.pipeline}/{arn.rpartition('/')[2]}/evaluation.json"
    case.sandbox.aws_client("s3").put_object(Bucket=BUCKET, Key=key, Body=report)
    case.script("Evaluate=Succeeded")
    case.control("POST", "release")
    case.airflow.api.wait_dag_run("whole", run_id, 300)
    return run_id


def serves(case: Case) -> dict[str, Any]:
    answer = case.sandbox.aws_client("sagemaker-runtime").invoke_endpoint(EndpointName=case.pipeline, Body=b"1")
    found: dict[str, Any] = json.loads(answer["Body"].read())
    return found


def group_of(case: Case) -> None:
    case.sandbox.aws_client("sagemaker").create_model_package_group(ModelPackageGroupName=case.pipeline)


def test_a_better_model_serves_and_a_worse_one_does_not(case: Case) -> None:
    api = case.airflow.api
    group_of(case)
    case.upload(evaluated(case))
    first = run_with_report(case, 4.5)
    assert states(case, "whole", first) == dict.fromkeys(ALL, "success")
    version = api.xcom("whole", first, f"{GROUP}.approve")
    assert (version["version"], version["approval"]) == (1, "Approved")
    assert api.xcom("whole", first, f"{GROUP}.deploy")["model"] == version["arn"]
    served = serves(case)

    # Good enough by the limit, but worse than what serves.
    worse = run_with_report(case, 5.0)
    found = states(case, "whole", worse)
    assert found["gate"] == found["register"] == found["deploy"] == "skipped"
    assert found["collect"] == "success"
    assert api.xcom("whole", worse, f"{GROUP}.gate", key="decision") == "rejected"
    assert "the champion" in api.task_log("whole", worse, f"{GROUP}.gate")
    assert serves(case) == served

    better = run_with_report(case, 4.0)
    assert states(case, "whole", better) == dict.fromkeys(ALL, "success")
    assert serves(case)["endpointConfig"] == api.xcom("whole", better, f"{GROUP}.deploy")["config"]


def registers(case: Case) -> dict[str, Any]:
    """A definition that registers its model itself, where its own condition lets it."""
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": case.pipeline,
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [{"Image": "x", "ModelDataUrl": "s3://b/m.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        },
    }
    good = {"Conditions": [], "IfSteps": [register], "ElseSteps": []}
    body = definition()
    body["Steps"].append({"Name": "Good", "Type": "Condition", "DependsOn": ["Evaluate"], "Arguments": good})
    return body


def test_what_a_pipeline_registers_itself_is_approved_and_served_and_nothing_where_it_registers_nothing(
    case: Case,
) -> None:
    api = case.airflow.api
    case.upload(registers(case))
    case.script("Good=False")
    run_id, state = case.run("whole_adopts", 120)
    assert state == "success"
    found = states(case, "whole_adopts", run_id)
    assert found["execution"] == "success"
    assert found["register"] == found["approve"] == found["deploy"] == "skipped"
    assert api.xcom("whole_adopts", run_id, f"{GROUP}.register", key="decision") == "nothing_registered"
    assert case.resource("endpoints", case.pipeline) == {}

    case.script("Good=True")
    run_id, state = case.run("whole_adopts", 180)
    assert state == "success", api.task_log("whole_adopts", run_id, f"{GROUP}.register")
    version = api.xcom("whole_adopts", run_id, f"{GROUP}.approve")
    assert (version["version"], version["approval"]) == (1, "Approved")
    sagemaker = case.sandbox.aws_client("sagemaker")
    assert sagemaker.describe_model_package(ModelPackageName=version["arn"])["ModelApprovalStatus"] == "Approved"
    assert api.xcom("whole_adopts", run_id, f"{GROUP}.deploy")["model"] == version["arn"]
    assert serves(case)["endpointConfig"] == api.xcom("whole_adopts", run_id, f"{GROUP}.deploy")["config"]


def test_a_person_rejects_and_another_approves(case: Case) -> None:
    api = case.airflow.api
    group_of(case)
    case.upload(definition())
    for option, state in (("Reject", "skipped"), ("Approve", "success")):
        run_id = case.start("whole_human")
        case.airflow.answer("whole_human", run_id, f"{GROUP}.ask", option)
        api.wait_dag_run("whole_human", run_id, 180)
        assert states(case, "whole_human", run_id)["deploy"] == state
    versions = case.sandbox.aws_client("sagemaker").list_model_packages(ModelPackageGroupName=case.pipeline)
    found = {item["ModelPackageVersion"]: item["ModelApprovalStatus"] for item in versions["ModelPackageSummaryList"]}
    assert found == {1: "Rejected", 2: "Approved"}
