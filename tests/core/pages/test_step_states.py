"""How each step stands, whether SageMaker lists it or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.pages.step_states import (
    NOT_STARTED,
    SKIPPED,
    Picture,
    StepState,
    StepView,
    picture_of,
    state_of,
    with_states,
)
from tests.core.run.test_retry_steps import condition, step


def picture(*steps: dict[str, Any]) -> Picture:
    definition = parse_definition(json.dumps({"Version": "2020-12-01", "Steps": list(steps)}), filled=True)
    branches = {one.name: None if one.branch == "body" else one.branch for one in definition.steps}
    views = [StepView(one.name, one.type, parent=one.parent, branch=branches[one.name]) for one in definition.steps]
    return picture_of(views, definition.graph.edges, definition.graph.order())


PICTURE = picture(
    step("Train", kind="Training"),
    condition(
        "Good",
        "Train",
        then=[step("Register"), condition("Cheap", then=[step("Deploy", "Register")], otherwise=[step("Ask")])],
        otherwise=[step("Explain")],
    ),
    step("Mourn", "Explain"),
)


def statuses(*states: StepState, over: bool = False, selected: tuple[str, ...] | None = None) -> dict[str, str | None]:
    return {one.name: one.status for one in with_states(PICTURE, states, over=over, selected=selected)}


def test_a_picture_has_steps_edges_and_branches() -> None:
    steps = {one.name: one for one in PICTURE.steps}
    assert (steps["Deploy"].parent, steps["Deploy"].branch, steps["Deploy"].status) == ("Cheap", "if", None)
    assert steps["Train"].type == "Training"
    assert ("Good", "Explain", "else") in PICTURE.edges
    assert ("Train", "Good", None) in PICTURE.edges
    assert ("Register", "Deploy", None) in PICTURE.edges


def test_what_has_not_begun_has_not_started() -> None:
    found = statuses(StepState("Train", "Executing"))
    assert found.pop("Train") == "Executing"
    assert set(found.values()) == {NOT_STARTED}


def test_the_branch_that_was_not_taken_is_skipped_with_all_in_it_and_after_it() -> None:
    met = StepState("Good", "Succeeded", outcome=True)
    running = statuses(StepState("Train", "Succeeded"), met)
    assert running["Explain"] == SKIPPED
    assert running["Mourn"] == NOT_STARTED
    over = statuses(StepState("Train", "Succeeded"), met, StepState("Register", "Failed"), over=True)
    assert over["Mourn"] == SKIPPED
    assert over["Cheap"] == NOT_STARTED
    unmet = statuses(StepState("Train", "Succeeded"), StepState("Good", "Succeeded", outcome=False), over=True)
    assert {name for name, status in unmet.items() if status == SKIPPED} == {"Register", "Cheap", "Deploy", "Ask"}


def test_a_condition_that_did_not_say_skips_nothing() -> None:
    assert SKIPPED not in statuses(StepState("Good", "Executing")).values()


def test_a_selective_execution_says_what_it_took_over_and_what_it_leaves_out() -> None:
    taken = StepState("Train", "Succeeded", source_arn="arn:before")
    views = {one.name: one for one in with_states(PICTURE, [taken], over=False, selected=("Good", "Explain"))}
    assert (views["Train"].status, views["Train"].reason) == ("Succeeded", "Result taken over from arn:before")
    assert views["Register"].status == SKIPPED
    assert views["Explain"].status == NOT_STARTED


def test_what_the_definition_does_not_know_is_shown_at_the_end() -> None:
    views = with_states(
        PICTURE, [StepState("Loop-1", "Executing", iterated=True), StepState("x", "?")], over=False, selected=None
    )
    assert [(one.name, one.type, one.status) for one in views[-2:]] == [
        ("Loop-1", "Unknown", "Executing"),
        ("x", "Unknown", "?"),
    ]


def test_a_listed_step_is_read() -> None:
    listed = {
        "StepName": "Good",
        "StepStatus": "Succeeded",
        "StartTime": 1,
        "Metadata": {"Condition": {"Outcome": "False"}},
    }
    state = state_of(listed, lambda time: str(time) if time else None)
    assert (state.name, state.type, state.started, state.ended, state.outcome) == (
        "Good",
        "Condition",
        "1",
        None,
        False,
    )
    failed = state_of({"StepName": "T", "FailureReason": "boom", "Metadata": {"TrainingJob": {}}}, str)
    assert (failed.status, failed.reason, failed.type) == ("", "boom", "Training")


def test_the_rounds_of_a_loop_are_shown_at_its_step() -> None:
    loop = {"IterableItems": ["a"], "MaxConcurrency": 1, "ForEachBody": [step("Fit", kind="Training")]}
    found = picture({"Name": "Each", "Type": "ForEach", "Arguments": loop}, step("After", "Each"))
    fit = found.steps[1]
    assert (fit.name, fit.parent, fit.branch) == ("Fit", "Each", None)
    assert ("Each", "Fit", None) in found.edges
    listed: list[dict[str, Any]] = [
        {"StepName": "Each", "StepStatus": "Executing"},
        *(
            {"StepName": f"Fit-{index}", "StepStatus": status, "IterationContext": {"Index": index}}
            for index, status in enumerate(("Succeeded", "Executing"))
        ),
    ]
    states = [state_of(one, str) for one in listed]
    assert [(state.name, state.iterated) for state in states] == [("Each", False), ("Fit", True), ("Fit", True)]
    shown = {one.name: one.status for one in with_states(found, states, over=False, selected=None)}
    assert shown == {"Each": "Executing", "Fit": "Executing", "After": NOT_STARTED}


def test_what_sagemaker_has_knows_no_placeholders() -> None:
    assert picture(step("Fit", kind="Training") | {"Description": "<NAME>"}).steps[0].name == "Fit"


@pytest.mark.parametrize("odd", [1, "x", [], True, None])
@pytest.mark.parametrize("member", ["Metadata", "IterationContext", "SelectiveExecutionResult"])
def test_a_member_of_another_type_says_nothing(member: str, odd: Any) -> None:
    state = state_of({"StepName": "A-1", member: odd}, str)
    assert (state.name, state.outcome, state.source_arn) == ("A-1", None, None)
