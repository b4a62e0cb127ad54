"""The picture of a definition's text, or why there is none."""

from __future__ import annotations

import json

from airflow_ack_sagemaker.core.pages.step_states import StepView
from airflow_ack_sagemaker.plugin.picture import readable_picture
from tests.core.run.test_retry_steps import condition, step


def test_a_definition_is_drawn_with_its_branches() -> None:
    steps = [{**step("A"), "DisplayName": "First"}, condition("Good", "A", then=[step("B")], otherwise=[])]
    found, why = readable_picture(json.dumps({"Version": "2020-12-01", "Steps": steps}))
    assert why is None
    assert found is not None
    assert found.steps[0] == StepView("A", found.steps[0].type, "First")
    assert found.edges == (("A", "Good", None), ("Good", "B", "if"))
    assert found.order == ("A", "Good", "B")


def test_what_cannot_be_drawn_says_where_and_quotes_nothing() -> None:
    secret = {"Name": "Token", "Type": "String", "DefaultValue": "hunter2", "EnumValues": ["other-secret"]}
    for text in (
        json.dumps({"Version": "2020-12-01", "Parameters": [secret], "Steps": [step("A")]}),
        "no json",
        "[]",
        "\ud800",
    ):
        found, why = readable_picture(text)
        assert found is None
        assert why is not None
        assert "hunter2" not in why
        assert "other-secret" not in why
