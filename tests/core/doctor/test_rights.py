"""What a user may do, and whether it is enough."""

from __future__ import annotations

from airflow_ack_sagemaker.core.doctor.lines import Level
from airflow_ack_sagemaker.core.doctor.rights import LIFECYCLE_KINDS, PIPELINE_KINDS, VERBS, rights
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION, Kind, kind_of

ENDPOINT = kind_of("Endpoint")
PIPELINES = dict.fromkeys(PIPELINE_KINDS, VERBS)


def said(allowed: dict[Kind, tuple[str, ...]]) -> list[tuple[Level, str]]:
    return [(line.level, line.what) for line in rights(allowed, "namespace ml")]


def test_all_rights() -> None:
    assert [level for level, _ in said({**PIPELINES, **dict.fromkeys(LIFECYCLE_KINDS, VERBS)})] == [Level.OK, Level.OK]


def test_a_right_on_pipelines_is_missing() -> None:
    (line,) = said({**PIPELINES, PIPELINE_EXECUTION: VERBS[:-1]})
    assert line == (Level.PROBLEM, "This user may not delete pipelineexecutions")


def test_who_runs_pipelines_alone_needs_no_endpoints() -> None:
    reader = ("get", "list", "watch")
    for verbs in ((), reader):
        (line,) = said({**PIPELINES, ENDPOINT: verbs})[1:]
        assert line[0] is Level.OK
        assert line[1].startswith("This user may not write endpoints, which only ")


def test_half_of_the_rights_to_write_is_wrong() -> None:
    half = said({**PIPELINES, ENDPOINT: ("get", "create", "patch")})[1:]
    assert half == [(Level.PROBLEM, "This user may get, create, patch endpoints, and not list, watch, delete")]
