"""The SageMaker Python SDK both ways: what it makes is read here, and it runs what it made on the sandbox.

`make test-sdk` runs these; the SDKs are installed at the first time.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import Definition, parse_definition
from airflow_ack_sagemaker.core.definition.step_types import STEP_TYPES
from harness.sandbox_process import REGION, SandboxProcess
from tests.sdk.environments import SDKS, sdk_python

ROOT = Path(__file__).parents[2]
# Packages that the SDK brings put a package `tests` beside them, which would go before this folder.
START = f"""
import runpy, sys, types
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [{str(ROOT / "tests")!r}]
runpy.run_module("tests.sdk.author", run_name="__main__", alter_sys=True)
"""
RULES = (
    "held/Held=hold",
    "handled/Fit=Failed:no data",
    # What only the code of a step could tell.
    'gate/Evaluate=gives:{"PropertyFiles": {"Report": {"metrics": {"mse": 4}}}}',
    "from-s3/Check=True",
)
HOLES = {"Athena", "HubContent"}
"""Types that the API tells of and neither SDK makes, beside those of Bedrock."""


@pytest.fixture(scope="module", params=SDKS, ids=lambda major: f"sdk{major}")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK made, and what it saw on the sandbox."""
    major: int = request.param
    python = sdk_python(major)
    directory = tmp_path_factory.mktemp(f"sdk{major}")
    options = ["--components", "aws", "--speed", "1000", *(word for rule in RULES for word in ("--script", rule))]
    output = directory / "seen.json"
    with SandboxProcess(directory / "sandbox", *options) as sandbox:
        environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": sandbox.aws_endpoint_url,
            "HOME": str(directory),
            "NO_PROXY": "*",
            "PATH": os.environ["PATH"],
            "SAGEMAKER_VALIDATE_ROLE": "false",
            "SDK_ENDPOINT": sandbox.aws_endpoint_url,
            "SDK_MAJOR": str(major),
        }
        done = subprocess.run(
            [python, "-c", START, output],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    found: dict[str, Any] = json.loads(output.read_text())
    return {**found, "major": major}


def definitions(seen: dict[str, Any]) -> dict[str, Definition]:
    return {name: parse_definition(one["definition"], source=name) for name, one in seen["pipelines"].items()}


def test_what_the_sdk_makes_is_read_without_a_word(seen: dict[str, Any]) -> None:
    assert len(seen["pipelines"]) >= 18
    assert {name: definition.warnings for name, definition in definitions(seen).items() if definition.warnings} == {}
    assert parse_definition(seen["calls"]["result"]["definition"]).warnings == ()


def test_every_type_of_step_is_among_them(seen: dict[str, Any]) -> None:
    made = {step.type for definition in definitions(seen).values() for step in definition.steps}
    missing = {name for name in STEP_TYPES if not name.startswith("Bedrock")} - HOLES - made
    not_made = {2: {"Cleanup", "EMRServerless", "ForEach", "Job"}, 3: {"AutoML"}}
    assert missing == not_made[seen["major"]]


def test_the_sdk_s_graph_has_the_same_edges(seen: dict[str, Any]) -> None:
    for name, definition in definitions(seen).items():
        assert [list(edge) for edge in definition.graph.edges] == seen["pipelines"][name]["edges"], name


ENDS = {"outcome-told": "Failed", "handled": "CompletedWithFailures"}


def test_executions_end_as_the_sdk_expects(seen: dict[str, Any]) -> None:
    for name, one in seen["pipelines"].items():
        assert one["status"] == ENDS.get(name, "Succeeded"), (name, one["steps"])
        assert one["listed"] == min(len(one["steps"]), 10)


@pytest.mark.parametrize(
    ("name", "ran"),
    [
        ("compared", {"All", "Yes"}),
        ("outcome-told", {"Small", "Tell"}),
        ("nested", {"Outer", "Inner", "Deep", "After"}),
        ("handled", {"Fit", "Tell", "Count"}),
        ("each", {"Prepare", "Each", "Best", "Clean", *(f"{step}-{i}" for step in ("Fit", "Score") for i in range(3))}),
    ],
)
def test_the_steps_that_run(seen: dict[str, Any], name: str, ran: set[str]) -> None:
    if name not in seen["pipelines"]:
        assert (seen["major"], name) in {(2, "handled"), (2, "each")}
        return
    assert set(seen["pipelines"][name]["steps"]) == ran


def test_a_fail_message_is_resolved(seen: dict[str, Any]) -> None:
    assert seen["pipelines"]["outcome-told"]["steps"]["Tell"] == ["Failed", "small is false for 3"]


def test_the_other_calls_of_an_execution(seen: dict[str, Any]) -> None:
    calls = seen["calls"]
    assert calls["result"]["result"] == 42
    assert calls["result"]["output"].startswith("s3://sdk-bucket/decorated/")
    assert calls["stopped"] == "Stopped"
    assert set(calls["selected"]) == {"Fit", "Evaluate"}
