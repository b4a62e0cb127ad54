"""Pipeline definitions for these tests."""

from __future__ import annotations

import json
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/retraining"


def train(name: str, *after: str, **more: Any) -> dict[str, Any]:
    """A training step that waits for others."""
    return {"Name": name, "Type": "Training", "Arguments": {}, **({"DependsOn": list(after)} if after else {}), **more}


def condition(name: str, conditions: list[dict[str, Any]], then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    """A condition step."""
    arguments = {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def fail(name: str, message: str) -> dict[str, Any]:
    """A step that fails the execution."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def definition(*steps: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> str:
    """A definition with these steps."""
    return json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)})


RATIO = {"Name": "Ratio", "Type": "Float", "DefaultValue": 0.5}
CHAIN = definition(train("Prepare"), train("Train", "Prepare"), train("Register", "Train"))
"""Three steps, one after the other."""
