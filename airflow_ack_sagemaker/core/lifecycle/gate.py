"""The gate: whether a model is good enough to be registered and served, by the numbers of its evaluation report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Unresolved, number_of, walk
from airflow_ack_sagemaker.core.errors import AckError

_MEMBERS = frozenset({"metric", "at_least", "at_most", "better", "by"})


class GateError(AckError, ValueError):
    """The gate can decide nothing: a rule is wrong, or a number is not there. Nothing passes then."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a metric must be. ``metric`` is its path in the report, as in a JsonGet: ``regression_metrics.mse.value``.

    ``at_least`` and ``at_most`` are limits. ``better`` ("higher" or "lower") compares with the champion: the metric
    must be as good as the champion's, or better by ``by``.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    better: str | None = None
    by: float = 0.0


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that a new one is compared with, and what the gate read of it."""

    name: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the model passes, why (a line for each rule), and the numbers that were read, by path."""

    passed: bool
    why: tuple[str, ...]
    metrics: Mapping[str, float]


def rules_of(gate: Any) -> tuple[Rule, ...]:
    """The rules that a DAG's author gives: one mapping, or a list of them.

    :raises GateError: a rule is wrong: nothing may pass by a typing mistake.
    """
    given = [gate] if isinstance(gate, Mapping) else gate
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise GateError(
            f"gate must be a rule such as {{'metric': 'regression_metrics.mse.value', 'at_most': 6.0}}, or a list of "
            f"such rules, not {gate!r}."
        )
    return tuple(_rule(item) for item in given)


def compares(rules: Sequence[Rule]) -> bool:
    """Whether a champion is asked for."""
    return any(rule.better for rule in rules)


def decide(report: Any, rules: Sequence[Rule], champion: Champion | None = None) -> Decision:
    """Whether a model passes.

    :param report: the content of the evaluation report, as JSON.
    :param champion: None: there is none, so that the first model need not be better than one.
    :raises GateError: the report, or the champion, lacks a metric.
    """
    why, metrics, passed = [], {}, True
    for rule in rules:
        value = metrics[rule.metric] = metric_of(report, rule.metric)
        for good, words in _judged(rule, value, champion):
            passed = passed and good
            why.append(f"{rule.metric} = {value:g}: {'passes' if good else 'fails'}, {words}")
    return Decision(passed, tuple(why), metrics)


def metric_of(report: Any, path: str) -> float:
    """A number of the report.

    :raises GateError: there is none at this path.
    """
    found = walk(report, path.removeprefix("$"), path)
    if isinstance(found, Unresolved):
        raise GateError(f"The evaluation report has no {path}: {found.why}. Correct the gate's metric or the report.")
    number = found if isinstance(found, float) else number_of(found)
    if number is None:
        raise GateError(f"{path} of the evaluation report is {found!r}, not a number.")
    return float(number)


def _judged(rule: Rule, value: float, champion: Champion | None) -> list[tuple[bool, str]]:
    if not math.isfinite(value):
        return [(False, "which is no finite number")]
    found = []
    if rule.at_least is not None:
        found.append((value >= rule.at_least, f"at least {rule.at_least:g} is asked for"))
    if rule.at_most is not None:
        found.append((value <= rule.at_most, f"at most {rule.at_most:g} is asked for"))
    if rule.better is not None:
        found.append(_compared(rule, value, champion))
    return found


def _compared(rule: Rule, value: float, champion: Champion | None) -> tuple[bool, str]:
    if champion is None:
        return True, "and there is no champion to compare with"
    has = champion.metrics.get(rule.metric)
    if has is None:
        known = ", ".join(sorted(champion.metrics)) or "nothing"
        raise GateError(
            f"What {rule.metric} the champion {champion.name} has is not known (known of it: {known}). It is written "
            "down where a model goes through this gate: let the first one through without 'better'."
        )
    if rule.better == "higher":
        return value >= has + rule.by, f"the champion {champion.name} has {has:g}{_by('plus', rule.by)}"
    return value <= has - rule.by, f"the champion {champion.name} has {has:g}{_by('minus', rule.by)}"


def _by(word: str, by: float) -> str:
    return f", {word} {by:g}" if by else ""


def _rule(item: Any) -> Rule:
    if not isinstance(item, Mapping):
        raise GateError(f"A rule of the gate is a mapping, not {item!r}.")
    if unknown := sorted(str(key) for key in set(item) - _MEMBERS):
        raise GateError(f"A rule of the gate has {unknown}, which mean nothing. It may have {sorted(_MEMBERS)}.")
    metric = item.get("metric")
    if not isinstance(metric, str) or not metric:
        raise GateError(f"A rule of the gate needs a metric: a path in the report, not {metric!r}.")
    numbers = {
        key: _number(item[key], key, metric) for key in ("at_least", "at_most", "by") if item.get(key) is not None
    }
    better = item.get("better")
    if better not in (None, "higher", "lower"):
        raise GateError(f"better of {metric} must be 'higher' or 'lower', not {better!r}.")
    rule = Rule(metric, better=better, **numbers)
    if rule.at_least is None and rule.at_most is None and better is None:
        raise GateError(f"The rule for {metric} asks for nothing: give at_least, at_most or better.")
    if rule.by < 0 or (rule.by and better is None):
        raise GateError(f"by of {metric} is how much better than the champion: at least 0, and only with 'better'.")
    return rule


def _number(value: Any, key: str, metric: str) -> float:
    number = number_of(value)
    if number is None or not math.isfinite(number):
        raise GateError(f"{key} of {metric} must be a number, not {value!r}.")
    return float(number)
