"""Definitions for the sandbox's SageMaker."""

from __future__ import annotations

import json
from typing import Any

SECRET = "hunter2-very-secret"


def step(name: str, *depends_on: str, kind: str = "Training", **arguments: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "DependsOn": list(depends_on), "Arguments": arguments}


def definition(*, secret: str = SECRET, epochs: int = 3) -> str:
    """A training with a secret parameter, and a condition with two branches."""
    condition = [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [
                {"Name": "ApiToken", "Type": "String", "DefaultValue": secret},
                {"Name": "Note", "Type": "String", "DefaultValue": "-"},
            ],
            "Steps": [
                step("Train", Environment={"DB_PASSWORD": secret}, HyperParameters={"epochs": str(epochs)}),
                step(
                    "Good",
                    "Train",
                    kind="Condition",
                    Conditions=condition,
                    IfSteps=[step("Register", kind="RegisterModel")],
                    ElseSteps=[step("Complain", kind="Fail", ErrorMessage="not good")],
                ),
            ],
        }
    )
