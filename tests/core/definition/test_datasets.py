"""What a definition reads from S3 and writes there."""

from __future__ import annotations

import json
from typing import Any

from airflow_ack_sagemaker.core.definition.datasets import MOST, Datasets, datasets_of
from airflow_ack_sagemaker.core.definition.expressions import Scope
from airflow_ack_sagemaker.core.definition.parse import parse_definition

EXECUTION = {"PipelineExecutionId": "abc"}


def found(*steps: dict[str, Any], **parameters: Any) -> Datasets:
    declared = [{"Name": name, "Type": "String"} for name in parameters]
    text = json.dumps({"Version": "2020-12-01", "Parameters": declared, "Steps": list(steps)})
    values = {name: value for name, value in parameters.items() if value is not None}
    return datasets_of(parse_definition(text, filled=True).steps, Scope(parameters=values, execution=EXECUTION))


def processing(name: str = "Prepare", **arguments: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": {"ProcessingResources": {}, "RoleArn": "r", **arguments}}


def reads(uri: Any, name: str = "data") -> dict[str, Any]:
    return {"ProcessingInputs": [{"InputName": name, "S3Input": {"S3Uri": uri, "LocalPath": "/x"}}]}


def writes(uri: Any) -> dict[str, Any]:
    return {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": uri}}]}}


def training(source: Any, output: Any = "s3://b/models", **more: Any) -> dict[str, Any]:
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": source, "S3DataType": "S3Prefix"}}}
    arguments = {"InputDataConfig": [channel], "OutputDataConfig": {"S3OutputPath": output}, **more}
    return {"Name": "Train", "Type": "Training", "Arguments": arguments}


def test_parameters_and_the_executions_id_are_filled_in() -> None:
    source = {"Get": "Parameters.Input"}
    output = {"Std:Join": {"On": "/", "Values": ["s3://b/out", {"Get": "Execution.PipelineExecutionId"}]}}
    assert found(processing(**reads(source), **writes(output)), Input="s3://raw/day=1/") == Datasets(
        ("s3://raw/day=1",), ("s3://b/out/abc",), ()
    )


def test_what_is_passed_on_inside_is_no_input() -> None:
    first, second = processing(**reads("s3://raw/x"), **writes("s3://b/out")), training("s3://b/out/")
    assert found(first, second) == Datasets(("s3://raw/x",), ("s3://b/out", "s3://b/models"), ())


def test_what_has_no_value_is_left_out_and_said() -> None:
    another = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}
    result = found(processing(**writes({"Get": "Parameters.Out"})), training(another), Out=None)
    assert (result.inputs, result.outputs) == ((), ("s3://b/models",))
    said = [str(one) for one in result.left_out]
    assert len(said) == 2
    assert said[0].startswith("Parameters.Out has no value")
    assert "Outputs['out']" in said[1]


def test_steps_of_branches_count_and_those_of_no_branch_are_not_counted_twice() -> None:
    condition = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    inner = training("s3://raw/deep")
    branch = {
        "Name": "If",
        "Type": "Condition",
        "Arguments": {"Conditions": [condition], "IfSteps": [inner], "ElseSteps": []},
    }
    assert found(branch) == Datasets(("s3://raw/deep",), ("s3://b/models",), ())


def test_models_transforms_and_monitoring_files() -> None:
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": "g",
            "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}]},
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "x", "S3Uri": "s3://b/evaluation.json"}}},
        },
    }
    transform = {
        "Name": "Score",
        "Type": "Transform",
        "Arguments": {
            "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/batch", "S3DataType": "S3Prefix"}}},
            "TransformOutput": {"S3OutputPath": "s3://b/scores"},
        },
    }
    assert found(register, transform) == Datasets(
        ("s3://b/m.tar.gz", "s3://b/evaluation.json", "s3://b/batch"), ("s3://b/scores",), ()
    )


def test_how_a_job_runs_is_no_data() -> None:
    aside = {"CheckpointConfig": {"S3Uri": "s3://b/checkpoints"}, "DebugHookConfig": {"S3OutputPath": "s3://b/debug"}}
    assert found(training("s3://raw/x", **aside)) == Datasets(("s3://raw/x",), ("s3://b/models",), ())


def test_what_is_no_address_of_s3_is_none() -> None:
    values = ["file:///x", "s3://", "", 5, None, ["s3://b/x"], {"a": "s3://b/x"}]
    assert found(*(processing(f"P{number}", **reads(value)) for number, value in enumerate(values))).inputs == ()


def test_many_are_bounded() -> None:
    inputs = [{"InputName": f"i{n}", "S3Input": {"S3Uri": f"s3://b/{n}"}} for n in range(2 * MOST)]
    assert len(found(processing(ProcessingInputs=inputs)).inputs) == MOST
