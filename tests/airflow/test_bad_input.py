"""Bad input: one clear error that says what, where and what to do, and nothing created."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from tests.airflow.support import Case, definition


@dataclass
class Bad:
    """One case: a DAG, its conf, what is uploaded, and words that the log must have."""

    dag_id: str
    words: tuple[str, ...]
    conf: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    upload: bool = True


APPLY, LAUNCH = "apply_held_wait", "launch_held_wait"
MANY = [{"Name": f"P{index}", "Type": "String", "DefaultValue": "x"} for index in range(201)]
CASES = {
    "missing object": Bad(APPLY, ("AckInputError", "s3://", "does not exist"), upload=False),
    "missing bucket": Bad(APPLY, ("AckInputError", "no such bucket"), {"definition_uri": "s3://nobodys-bucket/x.json"}),
    "wrong version": Bad(APPLY, ("AckInputError", "version"), {"definition_version_id": str(uuid.uuid4())}),
    "digest mismatch": Bad(APPLY, ("AckInputError", "sha256", "f" * 64), {"definition_sha256": "f" * 64}),
    "digest that is none": Bad(APPLY, ("AckInputError", "definition_sha256"), {"definition_sha256": "0" * 63}),
    "digest of zeros": Bad(APPLY, ("AckInputError", "sha256", "0" * 64), {"definition_sha256": "0" * 64}),
    "not json": Bad(APPLY, ("AckInputError", "JSON", "line 1"), body=b"{not json"),
    "not a definition": Bad(APPLY, ("AckInputError", "JSON"), body=b"[1, 2]"),
    "no steps": Bad(APPLY, ("AckInputError", "/Steps"), body=b'{"Version": "2020-12-01"}'),
    "leftover placeholder": Bad(
        APPLY, ("AckInputError", "BUCKET_NAME", "/Metadata/x"), body=definition(Metadata={"x": "s3://<BUCKET_NAME>/y"})
    ),
    "too many parameters in the definition": Bad(
        APPLY,
        ("AckInputError", "200"),
        body=definition(Parameters=MANY, Steps=[{"Name": "Train", "Type": "Training", "Arguments": {}}]),
    ),
    "invalid pipeline name": Bad(APPLY, ("AckInputError", "pipeline_name", "my_pipeline"), {"pipeline": "my_pipeline"}),
    "unknown kubernetes connection": Bad(
        APPLY, ("AckInputError", "nowhere", "kubernetes_conn_id"), {"kubernetes_conn_id": "nowhere"}
    ),
    "unknown aws connection": Bad(APPLY, ("AckInputError", "nowhere"), {"aws_conn_id": "nowhere"}),
    "unreachable cluster": Bad(APPLY, ("AckClusterError", "127.0.0.1:1"), {"kubernetes_conn_id": "unreachable"}),
    "missing CRD": Bad(
        APPLY,
        ("AckClusterError", "the ACK SageMaker controller is not installed in this cluster"),
        {"kubernetes_conn_id": "no_crds"},
    ),
    "missing CRD at launch": Bad(
        LAUNCH,
        ("AckClusterError", "the ACK SageMaker controller is not installed in this cluster"),
        {"kubernetes_conn_id": "no_crds"},
    ),
    "missing namespace": Bad(APPLY, ("AckClusterError", "nobodys-namespace"), {"namespace": "nobodys-namespace"}),
    "too many parameters at launch": Bad(
        LAUNCH, ("AckInputError", "200"), {"parameters": {f"P{index}": "x" for index in range(201)}}
    ),
    "placeholders that are no mapping": Bad(APPLY, ("AckInputError", "placeholders", "mapping"), {"placeholders": "x"}),
    "parameters that are no mapping": Bad(LAUNCH, ("AckInputError", "parameters", "mapping"), {"parameters": "x"}),
    "unknown parameter at launch": Bad(LAUNCH, ("AckInputError", "Round", "Rounds"), {"parameters": {"Round": 1}}),
    "wrong type at launch": Bad(LAUNCH, ("AckInputError", "Rounds", "Integer"), {"parameters": {"Rounds": "many"}}),
    "invalid pipeline name at launch": Bad(LAUNCH, ("AckInputError", "a b"), {"pipeline": "a b"}),
    "pipeline that nobody has": Bad(
        LAUNCH, ("AckResourceRefused", "does not exist", "AckPipelineOperator"), {"pipeline": "nobodys"}
    ),
}


@pytest.fixture(scope="module")
def runs(airflow: AirflowProcesses, sandbox: SandboxProcess) -> dict[str, tuple[Case, str, str]]:
    """Each case's pipeline, run and end."""
    started: dict[str, tuple[Case, str]] = {}
    for name, bad in CASES.items():
        case = Case(airflow, sandbox)
        if bad.dag_id == LAUNCH:
            case.apply()
        elif bad.upload:
            case.upload(json.dumps(bad.body).encode() if isinstance(bad.body, dict) else bad.body)
        started[name] = (case, case.start(bad.dag_id, **bad.conf))
    return {
        name: (case, run_id, airflow.api.wait_dag_run(CASES[name].dag_id, run_id, 240))
        for name, (case, run_id) in started.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, runs: Mapping[str, tuple[Case, str, str]]) -> None:
    bad = CASES[name]
    case, run_id, state = runs[name]
    task = "apply" if bad.dag_id == APPLY else "launch"
    log = case.airflow.api.task_log(bad.dag_id, run_id, task)
    assert state == "failed", log
    for word in bad.words:
        assert word in log
    if bad.dag_id == APPLY:
        assert case.resource("pipelines", case.pipeline) == {}
    assert case.executions() == []
    if name != "pipeline that nobody has":
        assert case.resources() == []
