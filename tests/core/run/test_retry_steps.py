"""What a retry runs again, over the shapes that pipelines have."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import Definition, parse_definition
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_SHA256, ANNOTATION_RETRY_WHOLE
from airflow_ack_sagemaker.core.run.retry_steps import Selection, obstacle, retry_from, select
from airflow_ack_sagemaker.core.run.step_runs import StepRun
from tests.core.resources import ARN, SYNCED, execution

OK, FAILED, STOPPED = "Succeeded", "Failed", "Stopped"


def step(name: str, *depends_on: str, kind: str = "Processing", **arguments: Any) -> dict[str, Any]:
    more = {"SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q"} if kind == "Callback" else {}
    return {"Name": name, "Type": kind, "DependsOn": list(depends_on), "Arguments": arguments, **more}


def condition(name: str, *depends_on: str, then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    operands = [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]
    return step(name, *depends_on, kind="Condition", Conditions=operands, IfSteps=then, ElseSteps=otherwise)


def pipeline(*steps: dict[str, Any]) -> Definition:
    import json

    return parse_definition(json.dumps({"Version": "2020-12-01", "Steps": list(steps)}))


ABALONE = pipeline(
    step("Prepare"),
    step("Train", "Prepare", kind="Training"),
    step("Approve", "Prepare", kind="Callback"),
    step("Evaluate", "Train"),
    condition(
        "Good",
        "Evaluate",
        then=[step("Register"), condition("Cheap", then=[step("Deploy", "Register")], otherwise=[step("Ask")])],
        otherwise=[step("TooBad", kind="Fail", ErrorMessage="too bad"), step("Explain")],
    ),
    step("Tidy", "Deploy"),
    step("Mourn", "Explain"),
)


def chosen(definition: Definition, *runs: StepRun, within: set[str] | None = None) -> Selection:
    types = {item.name: item.type for item in definition.steps}
    return select(runs, definition.graph, types=types, within=within)


def ran(**statuses: str) -> list[StepRun]:
    return [StepRun(name, status) for name, status in statuses.items()]


EVERYTHING_AFTER = ("Good", "Register", "Cheap", "Deploy", "Ask", "TooBad", "Explain", "Tidy", "Mourn")


@pytest.mark.parametrize(
    ("runs", "steps"),
    [
        (ran(Prepare=OK, Approve=OK, Train=FAILED), ("Train", "Evaluate", *EVERYTHING_AFTER)),
        (ran(Prepare=OK, Approve=OK, Train=OK, Evaluate=FAILED), ("Evaluate", *EVERYTHING_AFTER)),
        (
            [
                *ran(Prepare=OK, Approve=OK, Train=OK, Evaluate=OK),
                StepRun("Good", OK, True),
                StepRun("Register", FAILED),
            ],
            ("Register", "Deploy", "Tidy", "Cheap", "Ask"),
        ),
        (
            [
                *ran(Prepare=OK, Approve=OK, Train=OK, Evaluate=OK, Register=OK, Deploy=FAILED),
                StepRun("Good", OK, True),
                StepRun("Cheap", OK, True),
            ],
            ("Deploy", "Tidy"),
        ),
    ],
)
def test_what_did_not_succeed_and_what_follows_it(runs: list[StepRun], steps: tuple[str, ...]) -> None:
    selection = chosen(ABALONE, *runs)
    assert set(selection.steps) == set(steps), selection.why
    assert selection.steps == tuple(name for name in ABALONE.graph.nodes if name in steps)


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (ran(Prepare=FAILED), "could be kept"),
        (ran(Prepare=OK, Train=OK, Approve=OK, Evaluate=OK, Good=OK, TooBad=FAILED), "on purpose"),
        (ran(Prepare=OK, Train=OK, Approve=OK, Evaluate=OK, Good=OK), "which branch"),
        (ran(Prepare=OK, Other=FAILED), "not those of the definition"),
        ([StepRun("Prepare", OK, iterated=True), StepRun("Train", FAILED)], "not those of the definition"),
        (
            [*ran(Prepare=OK, Approve=OK, Train=OK, Evaluate=OK, Explain=FAILED), StepRun("Good", OK, False)],
            "hang together",  # TooBad would have to run beside it
        ),
        (ran(Prepare=OK, Approve=STOPPED, Train=OK, Evaluate=FAILED), "hang together"),
        ([StepRun("Prepare", OK, reused=True), *ran(Approve=OK, Train=FAILED)], "itself reused"),
    ],
)
def test_where_the_whole_must_run_again(runs: list[StepRun], why: str) -> None:
    selection = chosen(ABALONE, *runs)
    assert selection.steps == ()
    assert why in selection.why


def test_more_steps_than_sagemaker_selects() -> None:
    chain = [step("S0"), *(step(f"S{i}", f"S{i - 1}") for i in range(1, 53))]
    assert len(chosen(pipeline(*chain), *ran(S0=OK, S1=OK, S2=OK, S3=FAILED)).steps) == 50
    assert "at most 50" in chosen(pipeline(*chain), *ran(S0=OK, S1=OK, S2=FAILED)).why


LINE = pipeline(step("A"), step("B", "A"), step("C", "B"), step("D", "C", "A"))
TYPES = {item.name: item.type for item in LINE.steps}
SHA = {ANNOTATION_DEFINITION_SHA256: LINE.sha256}


def failed(said: str = "Failed", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    body = execution(SYNCED, said=said, annotations=SHA if annotations is None else annotations)
    body["spec"] = {"pipelineName": "abalone", "pipelineParameters": [{"name": "Rounds", "value": "5"}], **spec}
    return body


def selected(*steps: str) -> dict[str, Any]:
    return {"sourcePipelineExecutionARN": "first", "selectedSteps": [{"stepName": name} for name in steps]}


def test_a_retry_builds_on_the_failed_execution() -> None:
    selective, _ = retry_from(failed(), ran(A=OK, B=FAILED), LINE.graph, types=TYPES)
    assert selective is not None
    assert (selective.steps, selective.source_arn) == (("B", "C", "D"), f"{ARN}/execution/abc")


def test_a_retry_of_a_selective_retry_needs_results_at_first_hand() -> None:
    before = failed(selectiveExecutionConfig=selected("B", "C", "D"))
    runs = [StepRun("A", OK, reused=True), *ran(B=OK, C=FAILED)]
    selective, why = retry_from(before, runs, LINE.graph, types=TYPES)
    assert selective is not None
    assert (selective.steps, selective.source_arn) == (("B", "C", "D"), "first"), "D needs A, which was itself reused"
    assert "same steps again" in why
    short = pipeline(step("A"), step("B", "A"), step("C", "B"))
    selective, _ = retry_from(
        failed(selectiveExecutionConfig=selected("B", "C")), runs, short.graph, types=dict.fromkeys("ABC", "Processing")
    )
    assert selective is not None
    assert (selective.steps, selective.source_arn) == (("C",), f"{ARN}/execution/abc")


@pytest.mark.parametrize(
    ("resource", "changes", "why"),
    [
        (failed(), {}, None),
        (failed(said="CompletedWithFailures"), {}, "CompletedWithFailures"),
        (failed(annotations={}), {}, "not known"),
        (failed(), {"definition_sha256": None}, "not known"),
        (failed(), {"definition_sha256": "0" * 64}, "has changed"),
        (failed(), {"parameters": {"Rounds": "6"}}, "parameters"),
        (failed(), {"pipeline_version_id": 3}, "version"),
        (failed(annotations={**SHA, ANNOTATION_RETRY_WHOLE: "tried in vain"}), {}, "tried in vain"),
    ],
)
def test_what_forbids_it_without_asking(resource: dict[str, Any], changes: dict[str, Any], why: str | None) -> None:
    arguments: dict[str, Any] = {
        "parameters": {"Rounds": "5"},
        "pipeline_version_id": None,
        "definition_sha256": LINE.sha256,
    }
    found = obstacle(resource, **{**arguments, **changes})
    assert (found is None) if why is None else (why in (found or ""))


def test_what_runs_only_after_a_failure_is_not_run_after_a_success() -> None:
    definition = pipeline(
        step("Prepare"),
        step("Tell") | {"DependsOn": [{"Step": "Prepare", "Trigger": "Failed"}]},
        step("Train", "Prepare", kind="Training"),
        step("Sorry") | {"DependsOn": [{"Step": "Train", "Trigger": "Failed"}]},
    )
    assert chosen(definition, *ran(Prepare=OK, Train=FAILED, Sorry=FAILED)).steps == ("Train", "Sorry")


def test_a_loop_is_selected_and_not_the_steps_in_it() -> None:
    loop = {"IterableItems": ["a"], "MaxConcurrency": 1, "ForEachBody": [step("Fit", "Prepare", kind="Training")]}
    each = {"Name": "Each", "Type": "ForEach", "Arguments": loop, "DependsOn": ["Check"]}
    definition = pipeline(step("Prepare"), step("Check", "Prepare"), each, step("After", "Each"))
    assert chosen(definition, *ran(Prepare=OK, Check=FAILED)).steps == ("Check", "Each", "After")
