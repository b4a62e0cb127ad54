"""The gate lets pass what its rules say, and nothing by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.gate import Champion, GateError, compares, decide, rules_of

REPORT = {"regression_metrics": {"mse": {"value": 4.5}, "text": "5.5", "list": [1, 2]}, "auc": 0.9}
MSE = "regression_metrics.mse.value"


def passes(rule: Any, champion: Champion | None = None, report: Any = REPORT) -> bool:
    return decide(report, rules_of(rule), champion).passed


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        ({"at_most": 4.5}, True),
        ({"at_most": 4.4}, False),
        ({"at_least": 4.5}, True),
        ({"at_least": "4.6"}, False),
        ({"at_least": 4, "at_most": 5}, True),
    ],
)
def test_limits(rule: dict[str, Any], good: bool) -> None:
    assert passes({"metric": MSE, **rule}) is good


@pytest.mark.parametrize(
    ("rule", "has", "good"),
    [
        ({"better": "lower"}, 4.6, True),
        ({"better": "lower"}, 4.5, True),
        ({"better": "lower"}, 4.4, False),
        ({"better": "higher"}, 4.4, True),
        ({"better": "higher"}, 4.6, False),
        ({"better": "lower", "by": 1}, 5.0, False),
        ({"better": "lower", "by": 0.5}, 5.0, True),
        ({"better": "higher", "by": 0.5}, 4.25, False),
    ],
)
def test_the_champion_stays_where_the_new_one_is_worse(rule: dict[str, Any], has: float, good: bool) -> None:
    assert passes({"metric": MSE, **rule}, Champion("abalone/2", {MSE: has})) is good


def test_all_rules_must_hold_and_each_says_why() -> None:
    decision = decide(REPORT, rules_of([{"metric": MSE, "at_most": 5}, {"metric": "$.auc", "at_least": 0.95}]))
    assert not decision.passed
    assert decision.why == (
        f"{MSE} = 4.5: passes, at most 5 is asked for",
        "$.auc = 0.9: fails, at least 0.95 is asked for",
    )
    assert decision.metrics == {MSE: 4.5, "$.auc": 0.9}


def test_the_first_model_has_no_champion_to_beat() -> None:
    decision = decide(REPORT, rules_of({"metric": MSE, "better": "lower"}))
    assert decision.passed
    assert "no champion" in decision.why[0]


def test_a_champion_of_whom_nothing_is_known_lets_nothing_pass() -> None:
    with pytest.raises(GateError, match="abalone/2"):
        passes({"metric": MSE, "better": "lower"}, Champion("abalone/2", {}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_finite_number_fails(value: float) -> None:
    assert not passes({"metric": "m", "at_least": -1e9}, report={"m": value})
    assert not passes({"metric": "m", "at_most": 1e9}, report={"m": value})


@pytest.mark.parametrize(
    "path", ["missing", "regression_metrics", "regression_metrics.list", "regression_metrics.mse", "auc["]
)
def test_a_metric_that_is_not_there_is_an_error_and_no_pass(path: str) -> None:
    with pytest.raises(GateError):
        passes({"metric": path, "at_most": 1e9})


def test_numbers_may_be_written_as_texts() -> None:
    assert passes({"metric": "regression_metrics.text", "at_most": 5.5})
    assert passes({"metric": "regression_metrics.list[1]", "at_least": 2})


@pytest.mark.parametrize(
    "gate",
    [
        None,
        [],
        "mse",
        [1],
        {"metric": MSE},
        {"metric": "", "at_most": 1},
        {"at_most": 1},
        {"metric": MSE, "atmost": 1},
        {"metric": MSE, "at_most": "six"},
        {"metric": MSE, "at_most": True},
        {"metric": MSE, "better": "bigger"},
        {"metric": MSE, "at_most": 1, "by": 1},
        {"metric": MSE, "better": "lower", "by": -1},
    ],
)
def test_a_rule_that_means_nothing_is_refused(gate: Any) -> None:
    with pytest.raises(GateError):
        rules_of(gate)


def test_whether_a_champion_is_asked_for() -> None:
    assert compares(rules_of({"metric": MSE, "better": "lower"}))
    assert not compares(rules_of({"metric": MSE, "at_most": 1}))
