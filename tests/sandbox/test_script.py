"""Rules, conditions, back-off and clocks: what needs no server."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.sandbox import Clock, ManualClock
from airflow_ack_sagemaker.sandbox.aws.plan import plan_of
from airflow_ack_sagemaker.sandbox.aws.runs import Given
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptedOutcome, ScriptError, parse_rule
from airflow_ack_sagemaker.sandbox.aws.timeline import course
from airflow_ack_sagemaker.sandbox.controller.queue import backoff
from tests.sandbox.definitions import RATIO, condition, definition, train

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone"


@pytest.mark.parametrize(
    "text",
    [
        "Train=Failed",
        "Train=Failed:AlgorithmError: with: colons",
        "abalone/Train#2=Failed:x",
        "Train=seconds:5",
        "Train=hold",
        'Train=gives:{"a": [1, "b:c"]}',
        "Check=False",
        'endpoint/abalone#1=answers:{"predictions": [4.5]}',
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
        "Train=gives:[1]",
        "Train=gives:{",
        'Train=gives:{"a":' + "[" * 100_000,
        "*=hold",
        "/Train=Failed",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ScriptError, match=r"(is not a rule|is not an outcome|wants a number|wants a JSON object)"):
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


def rounds(text: str, *rules: str, **more: Any) -> dict[str, tuple[float, float, str]]:
    """When each step of an execution begins and ends, and how, with steps of ten seconds."""
    plan = plan_of(text)
    outcomes = Script(rules).outcomes("p", plan.steps, {})
    found = course(plan, Given(outcomes=outcomes, step_seconds=10, speed=1, **more))
    return {run.name: (run.start, run.end, run.status) for run in found.runs} | {"": (0, found.end, found.status)}


def test_a_course_of_nested_branches() -> None:
    inner = condition("Inner", [], [train("Deep")], [train("Shallow")])
    plan = plan_of(definition(train("First"), condition("Outer", [], [inner, train("After", "Deep")], [train("Else")])))
    given = Given(outcomes=(("Inner", ScriptedOutcome(branch=True)),), step_seconds=10, speed=10)
    runs = {run.name: (run.start, run.end) for run in course(plan, given).runs}
    assert runs == {"First": (0, 1), "Outer": (0, 0), "Inner": (0, 0), "Deep": (0, 1), "After": (1, 2)}
    assert course(plan, given) is course(plan, given)


def on(step: str, trigger: str) -> dict[str, str]:
    return {"Step": step, "Trigger": trigger}


TRIGGERS = definition(
    train("Fit"),
    train("Tell", DependsOn=[on("Fit", "Failed")]),
    train("Count", DependsOn=[on("Fit", "Any")]),
    train("Halt", DependsOn=[on("Fit", "Stopped")]),
    train("Next", "Fit"),
    train("Last", DependsOn=[on("Next", "Any")]),
)


@pytest.mark.parametrize(
    ("rules", "run", "end"),
    [
        ([], {"Fit", "Count", "Next", "Last"}, "Succeeded"),
        (["Fit=Failed"], {"Fit", "Tell", "Count"}, "CompletedWithFailures"),
        (["Fit=Stopped"], {"Fit", "Halt", "Count"}, "CompletedWithFailures"),
        (["Fit=Failed", "Tell=Failed"], {"Fit", "Tell", "Count"}, "Failed"),
        (["Next=Failed"], {"Fit", "Count", "Next", "Last"}, "CompletedWithFailures"),
        (["Count=Failed"], {"Fit", "Count", "Next", "Last"}, "Failed"),
    ],
)
def test_triggers(rules: list[str], run: set[str], end: str) -> None:
    found = rounds(TRIGGERS, *rules)
    assert found.pop("")[2] == end
    assert set(found) == run


def loop(items: Any, concurrency: int, *body: dict[str, Any], **more: Any) -> dict[str, Any]:
    arguments = {"IterableItems": items, "MaxConcurrency": concurrency, "ForEachBody": list(body), **more}
    return {"Name": "Each", "Type": "ForEach", "Arguments": arguments}


def test_a_loop_runs_its_body_for_each_item() -> None:
    found = rounds(definition(loop(["a", "b", "c"], 2, train("Fit"), train("Score", "Fit")), train("After", "Each")))
    assert {name: (start, end) for name, (start, end, _) in found.items()} == {
        "Each": (0, 40),
        "Fit-0": (0, 10),
        "Fit-1": (0, 10),
        "Score-0": (10, 20),
        "Score-1": (10, 20),
        "Fit-2": (20, 30),
        "Score-2": (30, 40),
        "After": (40, 50),
        "": (0, 50),
    }


def test_rounds_do_not_wait_for_each_other_but_for_what_they_refer_to() -> None:
    text = definition(train("Prepare"), loop(["a", "b"], 9, train("Fit", "Prepare")))
    assert rounds(text)["Fit-1"] == (10, 20, "Succeeded")


@pytest.mark.parametrize(
    ("rules", "ends"),
    [
        (["Fit-1=Failed"], {"Fit-0": "Succeeded", "Fit-1": "Failed", "Score-0": "Succeeded", "Each": "Failed"}),
        (["Fit=Failed"], {"Fit-0": "Failed", "Fit-1": "Failed", "Each": "Failed"}),
        (["Fit=Failed", "Fit-0=Succeeded"], {"Fit-0": "Succeeded", "Fit-1": "Failed", "Score-0": "Succeeded"}),
        (["Fit=Stopped"], {"Each": "Stopped"}),
        (["Each=Failed:no"], {"Fit-0": "Succeeded", "Each": "Failed"}),
    ],
)
def test_a_loop_fails_with_its_rounds(rules: list[str], ends: dict[str, str]) -> None:
    found = rounds(definition(loop(["a", "b"], 2, train("Fit"), train("Score", "Fit")), train("After", "Each")), *rules)
    assert {name: found[name][2] for name in ends} == ends
    assert "After" not in found
    assert "Score-1" not in found or rules == ["Each=Failed:no"]


def test_the_failure_of_a_loop_can_be_handled() -> None:
    text = definition(loop(["a"], 1, train("Fit")), train("Tell", DependsOn=[on("Each", "Failed")]))
    assert rounds(text, "Fit=Failed")[""][2] == "CompletedWithFailures"


@pytest.mark.parametrize(
    "items", [{"Get": "Steps.Ask.OutputParameters['x']"}, ["a", {"Get": "Execution.StartDateTime"}]]
)
def test_items_that_have_no_value_fail_the_loop(items: Any) -> None:
    ask = {"Name": "Ask", "Type": "Lambda", "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}
    found = rounds(definition(ask, loop(items, 1, train("Fit"))))
    assert found["Each"][2] == found[""][2] == "Failed"
    assert "Fit-0" not in found


def test_a_rule_says_what_a_step_gives() -> None:
    ask = {"Name": "Ask", "Type": "Lambda", "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}
    text = definition(ask, loop({"Get": "Steps.Ask.OutputParameters['x']"}, 3, train("Fit")))
    assert "Fit-2" in rounds(text, 'Ask=gives:{"OutputParameters": {"x": "[1, 2, 3]"}}')
    assert rounds(text, 'Ask=gives:{"OutputParameters": {"x": "[]"}}')["Each"][2] == "Succeeded"
    assert rounds(text, 'Ask=gives:{"OutputParameters": {"x": "1, 2"}}')["Each"][2] == "Failed"
    assert rounds(text, f'Ask=gives:{{"OutputParameters": {{"x": "{"[" * 100_000}"}}}}')["Each"][2] == "Failed"


def test_a_long_chain_of_results_is_followed() -> None:
    steps = [{**train("s0"), "Arguments": {"x": "first"}}]
    steps += [{**train(f"s{index}"), "Arguments": {"x": {"Get": f"Steps.s{index - 1}.x"}}} for index in range(1, 1500)]
    last = {"Type": "Equals", "LeftValue": {"Get": "Steps.s1499.x"}, "RightValue": "first"}
    plan = plan_of(definition(*steps, condition("C", [last], [train("Yes")], [train("No")])))
    assert plan.deciding_variables == {"PipelineExecutionArn"}
    variables = (("PipelineExecutionArn", f"{ARN}/execution/abcdefghijkl"),)
    found = course(plan, Given(outcomes=(), step_seconds=1, speed=1, variables=variables))
    assert found.runs[-1].name == "Yes"


def test_executions_that_agree_in_what_decides_share_their_course() -> None:
    operands = [{"Type": "Equals", "LeftValue": {"Get": "Parameters.Ratio"}, "RightValue": 0.5}]
    plan = plan_of(definition(condition("C", operands, [], []), train("T"), parameters=(RATIO,)))
    assert plan.deciding_parameters == {"Ratio"}
    assert not plan.deciding_variables


def test_back_off() -> None:
    assert [backoff(failures) for failures in range(1, 8)] == [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32]
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
