from __future__ import annotations

import re

import pytest

from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_IDENTITY,
    LABEL_RUN,
    MAX_NAME,
    RunIdentity,
    identity_of,
    label_value,
    pipeline_resource_name,
)

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
DISPLAY_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}")

RUN_IDS = [
    "scheduled__2026-11-01T00:00:00+00:00",
    "manual__2026-11-01T03:04:05.678901+00:00_x",
    "ラン 1/2 — <b>&\"'",
    "x" * 250,
    "-",
    "_._",
    "",
    "\u202eright-to-left",
    "a\nb",
]


@pytest.mark.parametrize("run_id", RUN_IDS)
@pytest.mark.parametrize("prefix", ["abalone", "A" * 256, "a-" * 60 + "b", "x.y_z", "模型", ""])
def test_names_are_valid_for_any_characters(run_id: str, prefix: str) -> None:
    identity = RunIdentity("dag", run_id, "group.task", 3)
    for attempt in (1, 10, 12345):
        name = identity.resource_name(prefix, attempt)
        assert len(name) <= MAX_NAME
        assert DNS_LABEL.fullmatch(name)
        assert DISPLAY_NAME.fullmatch(name)
        assert name.endswith(f"-{attempt}")
        assert name == RunIdentity("dag", run_id, "group.task", 3).resource_name(prefix, attempt)
    for value in identity.labels().values():
        assert len(value) <= 63
        assert LABEL_VALUE.fullmatch(value)


def test_each_part_of_an_identity_makes_another_name() -> None:
    runs = [
        RunIdentity("d", "r", "t"),
        RunIdentity("d2", "r", "t"),
        RunIdentity("d", "r2", "t"),
        RunIdentity("d", "r", "t2"),
        RunIdentity("d", "r", "t", 0),
        RunIdentity("d", "r", "t", 1),
        RunIdentity("dr", "", "t"),
        RunIdentity("d", '","t', ""),
    ]
    assert len({run.digest for run in runs}) == len(runs)


def test_a_resource_is_owned_by_the_annotation_not_the_label() -> None:
    run = RunIdentity("d", "r", "t")
    assert run.owns({"metadata": {"annotations": {ANNOTATION_IDENTITY: run.text}}})
    assert not run.owns({"metadata": {"labels": {LABEL_RUN: run.digest}}})
    assert not RunIdentity("d", "r2", "t").owns({"metadata": {"annotations": {ANNOTATION_IDENTITY: run.text}}})


@pytest.mark.parametrize("run", [RunIdentity("d", "ラン", "g.t", 3), RunIdentity("d", "r", "t").member(7)])
def test_the_annotation_tells_the_run(run: RunIdentity) -> None:
    assert identity_of({"metadata": {"annotations": {ANNOTATION_IDENTITY: run.text}}}) == run


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '["d","r","t"]', '["d","r",1,-1]', '["d","r","t",true]', '["d","r","t",-1,0,0]', "7"]
)
def test_an_annotation_that_somebody_has_written_tells_none(text: str) -> None:
    assert identity_of({"metadata": {"annotations": {ANNOTATION_IDENTITY: text}}}) is None
    assert identity_of({}) is None


def test_label_values_stay_readable_and_apart() -> None:
    assert label_value("abalone-1.2_x") == "abalone-1.2_x"
    assert label_value("a b") != label_value("a/b")
    assert label_value("x" * 64).startswith("x" * 50)


@pytest.mark.parametrize(("pipeline", "name"), [("abalone", "abalone"), ("My-Pipeline", "my-pipeline")])
def test_a_pipeline_resource_is_named_after_the_pipeline(pipeline: str, name: str) -> None:
    assert pipeline_resource_name(pipeline) == name


def test_a_pipeline_name_of_256_characters_fits() -> None:
    one, other = (pipeline_resource_name("a" * 255 + end) for end in "bc")
    assert one != other
    assert len(one) <= 253
