"""Small definitions in `cases`, each of one kind: what SageMaker takes, refuses, and what is a likely slip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.loaders import Loader

from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, parse_definition
from airflow_ack_sagemaker.core.definition.problems import MAX_MESSAGE, SHOWN
from airflow_ack_sagemaker.core.definition.step_types import STEP_TYPES

CASES = Path(__file__).parent / "cases"

TAKEN = ("triggers", "fail-message", "join-operand", "loop", "mlflow", "chain", "flag")

REFUSED = {
    "trigger-unknown": ("/Steps/1/DependsOn/0/Trigger", "'Fails' is not a trigger.", "Did you mean 'Failed'?"),
    "trigger-without-step": ("/Steps/1/DependsOn/0", "is not the name of a step"),
    "trigger-of-nothing": ("/Steps/1/DependsOn/0", "no step 'Fid'. Did you mean 'Fit'?"),
    "depends-on-fail": ("/Steps/0/DependsOn/0", "nothing can depend on it"),
    "refers-to-fail": ("/Steps/0/Arguments/why/Get", "nothing to refer to"),
    "loop-item-outside": ("/Steps/1/Arguments/x/Get", "only in the ForEachBody"),
    "loop-round-unknown": ("/Steps/1/Arguments/x/Get", "Steps.Each.IterationOutputs[0].STEP", "one of Fit"),
    "loop-selector-unknown": ("/Steps/0/Arguments/Selector/Field/Get", "it has Fit", "Did you mean 'Fit'?"),
    "loop-selected-without-selector": ("/Steps/1/Arguments/x/Get", "has no Selector"),
    "loop-in-a-loop": ("/Steps/0/Arguments/ForEachBody/0/Type", "cannot have a ForEach step"),
    "loop-without-items": ("/Steps/0/Arguments/IterableItems", "1 to 100 items"),
    "loop-too-wide": ("/Steps/0/Arguments/MaxConcurrency", "from 1 to 50"),
    "loop-name-taken": ("/Steps/1/Name", "a round of step 'Fit'"),
    "cleanup-of-nothing": ("/Steps/1/Arguments/Resources/S3/0/StepName", "Did you mean 'Fit'?"),
    "mlflow-undeclared": ("/MlflowConfig/MlflowResourceArn/Get", "no parameter 'Sever'"),
    "mlflow-of-a-step": ("/MlflowConfig/MlflowResourceArn/Get", "no step has run"),
    "mlflow-list": ("/MlflowConfig", "an object is needed"),
    "in-null": ("/Steps/0/Arguments/Conditions/0/Values", "a list of values", "not None"),
    "in-null-inside": ("/Steps/0/Arguments/Conditions/0/Condition/Values/1", "an operand is", "not None"),
    "in-without-query": ("/Steps/0/Arguments/Conditions/0", "a QueryValue among Values"),
    "compared-with-null": ("/Steps/0/Arguments/Conditions/0/RightValue", "an operand is", "not None"),
    "compared-with-object": ("/Steps/0/Arguments/Conditions/0/RightValue", "A reference has one member"),
    "condition-unknown-member": ("/Steps/0/Arguments/Conditions/0/Arguments", "refuses unknown ones"),
    "not-expression": ("/Steps/0/Arguments/Conditions/0/Expression", "it has Condition"),
    "property-file-text": ("/Steps/1/Arguments/x/Std:JsonGet/PropertyFile", "is needed, not 'Report'"),
    "property-file-path": ("/Steps/1/Arguments/x/Std:JsonGet/PropertyFile/Get", "is no property file"),
    "or-arguments": ("/Steps/0/Arguments/Conditions/0/Arguments", "it has Conditions"),
}

DOUBTED = {
    "condition-if-step": ("/Steps/0/Arguments/IfStep", "Did you mean 'IfSteps'?"),
    "dependson-twice": ("/Steps/1/DependsOn/1", "twice, with triggers Completed and Failed"),
    "fail-message-typo": ("/Steps/0/Arguments/Errormessage", "Did you mean 'ErrorMessage'?"),
    "cleanup-too-early": ("/Steps/1/Arguments/Resources/S3/0/StepName", "does not wait for step 'Fit'"),
    "step-depend-on": ("/Steps/1/DependOn", "Did you mean 'DependsOn'?"),
    "step-retry-policy": ("/Steps/0/RetryPolicy", "Did you mean 'RetryPolicies'?"),
    "step-other-type": ("/Steps/0/SqsQueueUrl", "a Training step has no such member."),
}

READ_AS_FILLED = {"escaped-brackets"}


def read(name: str) -> Definition:
    return parse_definition((CASES / f"{name}.json").read_bytes())


def test_each_case_stands_in_a_table() -> None:
    assert {path.stem for path in CASES.glob("*.json")} == {*TAKEN, *REFUSED, *DOUBTED, *READ_AS_FILLED}


@pytest.mark.parametrize("name", TAKEN)
def test_taken_without_a_word(name: str) -> None:
    assert read(name).warnings == ()


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(name)
    ((pointer, message),) = caught.value.problems
    expected, *words = REFUSED[name]
    assert pointer == expected
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", DOUBTED)
def test_doubted(name: str) -> None:
    ((pointer, message),) = read(name).warnings
    expected, words = DOUBTED[name]
    assert pointer == expected
    assert words in message


def test_edges_know_their_triggers() -> None:
    definition = read("triggers")
    graph = definition.graph
    assert graph.edges == (("Fit", "Count"), ("Fit", "Next"), ("Fit", "Tell"))
    assert graph.triggers == {("Fit", "Tell"): "Failed", ("Fit", "Count"): "Any"}
    tell = next(step for step in definition.steps if step.name == "Tell")
    assert (tell.depends_on, tell.triggers) == (("Fit",), {"Fit": "Failed"})


def test_a_completed_trigger_is_the_usual_dependency() -> None:
    text = (CASES / "triggers.json").read_text().replace('"Failed"', '"Completed"')
    assert parse_definition(text).graph.triggers == {("Fit", "Count"): "Any"}


def test_the_steps_of_a_body_are_steps() -> None:
    definition = read("loop")
    steps = {step.name: step for step in definition.steps}
    assert list(steps) == ["Prepare", "Each", "Fit", "Score", "Register", "Sweep"]
    assert (steps["Fit"].parent, steps["Fit"].branch, steps["Fit"].references) == ("Each", "body", ("Prepare",))
    assert steps["Each"].references == ()
    assert definition.graph.branch("Each", "body") == definition.graph.within("Each") == ("Fit", "Score")
    assert set(definition.graph.edges) == {
        *(("Prepare", "Fit"), ("Each", "Fit"), ("Fit", "Score"), ("Each", "Score")),
        *(("Each", "Register"), ("Register", "Sweep"), ("Prepare", "Sweep")),
    }


def test_what_sagemaker_has_knows_no_placeholders() -> None:
    with pytest.raises(DefinitionError, match="no value for placeholder <LOSS>, <<TOTAL>>"):
        read("escaped-brackets")
    text = (CASES / "escaped-brackets.json").read_text()
    assert "<" not in text
    definition = parse_definition(text, filled=True)
    assert definition.steps[0].body["Arguments"]["Regex"] == "loss=(?P<LOSS>[0-9.]+) <<TOTAL>>"


def test_the_step_types_are_those_of_the_api() -> None:
    """A newer botocore that knows a further step type fails here: add the type."""
    model = Loader().load_service_model("sagemaker", "service-2")
    members = set(model["shapes"]["PipelineExecutionStepMetadata"]["members"])
    assert {kind.metadata for kind in STEP_TYPES.values()} == members


def test_a_type_of_each_kind_is_known_without_a_warning() -> None:
    special = {"Condition", "ForEach", "Cleanup"}
    steps = [
        {"Name": kind, "Type": kind, "Arguments": {}, **({known.required: "x"} if known.required else {})}
        for kind, known in STEP_TYPES.items()
        if kind not in special
    ]
    assert parse_definition(json.dumps({"Version": "2020-12-01", "Steps": steps})).warnings == ()


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "step",
    [
        {"Name": "A", "Type": LONG},
        {"Name": LONG, "Type": "Training", "Arguments": {}},
        {"Name": "A", "Type": "Training", "Arguments": {"x": {"Get": f"Steps.{LONG}"}}},
        {"Name": "A", "Type": "Training", "Arguments": {"x": {f"Std:{LONG}": 1}}},
        {"Name": "A", "Type": "Training", "Arguments": {}, LONG: {"x": {"Get": "Parameters.No"}}},
        {"Name": "A", "Type": "Training", "Arguments": {}, "DependsOn": [{"Step": "A", "Trigger": LONG}]},
        {"Name": "A", "Type": "Training", "Arguments": {"x": f"<{LONG.upper()}>"}},
        {"Name": "A", "Type": "Condition", "Arguments": {"Conditions": [{"Type": LONG}]}},
        {"Name": "A", "Type": "Training", "Arguments": {}, "PropertyFiles": [{"PropertyFileName": LONG}]}
        | {"DependsOn": [LONG]},
    ],
    ids=range(9),
)
def test_messages_are_short_whatever_they_tell_of(step: dict[str, object]) -> None:
    text = json.dumps({"Version": "2020-12-01", "Steps": [step]})
    try:
        said = [str(warning) for warning in parse_definition(text).warnings]
    except DefinitionError as error:
        said = [str(error), *map(str, error.problems)]
    assert said
    assert max(map(len, said)) < 3 * MAX_MESSAGE


def test_warnings_are_counted() -> None:
    steps = [{"Name": f"s{index}", "Type": "Training", "Arguments": {}, "DependOn": []} for index in range(6000)]
    warnings = parse_definition(json.dumps({"Version": "2020-12-01", "Steps": steps})).warnings
    assert len(warnings) == SHOWN + 1
    assert str(warnings[-1]) == "and 5,990 more warnings of such kinds."
