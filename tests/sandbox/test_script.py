"""Rules, conditions, back-off and clocks: what needs no server."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.sandbox import Clock, ManualClock
from airflow_ack_sagemaker.sandbox.aws.conditions import holds
from airflow_ack_sagemaker.sandbox.aws.plan import plan_of
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptedOutcome, ScriptError, parse_rule
from airflow_ack_sagemaker.sandbox.aws.timeline import Conditions, course
from airflow_ack_sagemaker.sandbox.controller.queue import backoff
from tests.sandbox.definitions import condition, definition, train


@pytest.mark.parametrize(
    "text",
    [
        "Train=Failed",
        "Train=Failed:AlgorithmError: with: colons",
        "abalone/Train#2=Failed:x",
        "Train=seconds:5",
        "Train=hold",
        "Check=False",
        "*=CompletedWithFailures",
        "StartPipelineExecution#3=ThrottlingException:Rate exceeded",
    ],
)
def test_rules_are_read_and_written_back(text: str) -> None:
    assert str(parse_rule(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Train",
        "=Failed",
        "Train=",
        "Train=Exploded",
        "Train#x=Failed",
        "Train=seconds:soon",
        "*=hold",
        "/Train=Failed",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ScriptError, match=r"(is not a rule|is not an outcome|wants a number)"):
        parse_rule(text)


def test_later_rules_win_and_limited_ones_are_used_up() -> None:
    script = Script(["Train=seconds:5", "Train=Failed:first", "Train#1=Succeeded"])
    names = ["Train"]
    assert dict(script.outcomes("p", names, {}))["Train"] == ScriptedOutcome(status="Succeeded", seconds=5.0)
    assert dict(script.outcomes("p", names, {}))["Train"] == ScriptedOutcome(
        status="Failed", reason="first", seconds=5.0
    )
    assert script.rules[-1] == "Train#0=Succeeded"


def test_a_limited_refusal_is_used_up() -> None:
    script = Script(["StartPipelineExecution#2=ThrottlingException:Rate exceeded"])
    refusals = [script.refusal("StartPipelineExecution") for _ in range(3)]
    assert [str(refusal) for refusal in refusals] == ["ThrottlingException: Rate exceeded"] * 2 + ["None"]
    assert script.refusal("StopPipelineExecution") is None


PARAMETER = {"Get": "Parameters.X"}
RESULT = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}


@pytest.mark.parametrize(
    ("operands", "expected"),
    [
        ([{"Type": "Equals", "LeftValue": PARAMETER, "RightValue": 5}], True),
        ([{"Type": "LessThan", "LeftValue": PARAMETER, "RightValue": 5}], False),
        ([{"Type": "Equals", "LeftValue": RESULT, "RightValue": 5}], None),
        (
            [
                {"Type": "Equals", "LeftValue": RESULT, "RightValue": 5},
                {"Type": "LessThan", "LeftValue": 2, "RightValue": 1},
            ],
            False,
        ),
        ([{"Type": "In", "QueryValue": PARAMETER, "Values": [4, 5]}], True),
        ([{"Type": "Not", "Expression": {"Type": "Equals", "LeftValue": PARAMETER, "RightValue": 5}}], False),
        (
            [
                {
                    "Type": "Or",
                    "Conditions": [
                        {"Type": "Equals", "LeftValue": RESULT, "RightValue": 1},
                        {"Type": "Equals", "LeftValue": PARAMETER, "RightValue": 5},
                    ],
                }
            ],
            True,
        ),
        ([{"Type": "Equals", "LeftValue": {"Std:Join": {"Values": []}}, "RightValue": ""}], None),
        ([{"Type": "GreaterThan", "LeftValue": PARAMETER, "RightValue": "text"}], None),
        ([{"Type": "Matches", "LeftValue": PARAMETER, "RightValue": 5}], None),
        ([], True),
    ],
)
def test_conditions(operands: list[dict[str, Any]], expected: bool | None) -> None:
    assert holds(operands, {"X": 5}) is expected


def test_a_course_of_nested_branches() -> None:
    inner = condition("Inner", [], [train("Deep")], [train("Shallow")])
    plan = plan_of(definition(train("First"), condition("Outer", [], [inner, train("After", "Deep")], [train("Else")])))
    given = Conditions(
        outcomes=(("Inner", ScriptedOutcome(branch=True)),), branches=(("Outer", True),), step_seconds=10, speed=10
    )
    runs = {run.name: (run.start, run.end) for run in course(plan, given).runs}
    assert runs == {"First": (0, 1), "Outer": (0, 0), "Inner": (0, 0), "Deep": (0, 1), "After": (1, 2)}
    assert course(plan, given) is course(plan, given)


def test_back_off() -> None:
    assert [backoff(failures) for failures in range(1, 8)] == [0, 1, 2, 4, 8, 16, 32]
    assert backoff(50) == 1000


def test_clocks() -> None:
    assert Clock(60).shortened(30) == 0.5
    for speed in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="must be above 0"):
            Clock(speed)
    clock = ManualClock(1000.0)
    moves: list[float] = []
    end = clock.subscribe(lambda: moves.append(clock.time()))
    assert clock.delay(1001.0) is None
    clock.advance(1)
    assert clock.delay(1001.0) == 0
    end()
    clock.advance(1)
    assert moves == [1001.0]
