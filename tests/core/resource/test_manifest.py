from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.cli.launching import execution_manifest
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, LABEL_ATTEMPT, RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try, launched_by
from airflow_ack_sagemaker.core.resource.manifest import (
    ExecutionSpec,
    PipelineSpec,
    SpecError,
    check_mapping,
    check_names,
    check_sha256,
    pipeline_name_of,
    resource_manifest,
    runs_pipeline,
)

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
RUN = RunIdentity("retrain", "scheduled__2026-11-01T00:00:00+00:00", "launch")


def spec(**changes: Any) -> PipelineSpec:
    return PipelineSpec(**{"pipeline_name": "abalone", "role_arn": ROLE, "definition": "{}", **changes})


def test_a_pipeline_says_only_what_was_asked_for() -> None:
    manifest = spec().manifest("ml")
    assert manifest["spec"] == {"pipelineName": "abalone", "roleARN": ROLE, "pipelineDefinition": "{}"}
    assert manifest["metadata"]["annotations"] == {"services.k8s.aws/deletion-policy": "retain"}


def test_adoption_is_opt_in_and_updates_to_our_definition() -> None:
    annotations = spec(adopt=True).manifest("ml")["metadata"]["annotations"]
    assert annotations["services.k8s.aws/adoption-policy"] == "adopt-or-create"
    assert annotations["services.k8s.aws/adoption-fields"] == '{"pipelineName": "abalone"}'


def test_everything_at_once() -> None:
    manifest = spec(
        description="d",
        display_name="n",
        max_parallel_steps=2,
        tags={"b": "2", "a": "1"},
        region="eu-west-1",
        deletion_policy="delete",
    ).manifest("ml")
    assert manifest["spec"]["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert manifest["spec"]["parallelismConfiguration"] == {"maxParallelExecutionSteps": 2}
    assert manifest["metadata"]["annotations"]["services.k8s.aws/region"] == "eu-west-1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pipeline_name": "my_pipeline"}, "my_pipeline"),
        ({"pipeline_name": ""}, "1 to 256"),
        ({"pipeline_name": "-a"}, "beginning"),
        ({"pipeline_name": "a" * 257}, "1 to 256"),
        ({"pipeline_name": None}, "pipeline_name"),
        ({"role_arn": "sagemaker"}, "role_arn"),
        ({"role_arn": "<ROLE>"}, "ARN of an IAM role"),
        ({"resource_name": "Abalone"}, "resource_name"),
        ({"resource_name": "a" * 254}, "1 to 253"),
        ({"deletion_policy": "keep"}, "retain"),
        ({"max_parallel_steps": 0}, "at least 1"),
        ({"max_parallel_steps": True}, "integer"),
        ({"display_name": "a b"}, "display_name"),
        ({"description": "x" * 3073}, "3,072"),
    ],
)
def test_what_would_be_refused_is_refused_here(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        spec(**changes).manifest("ml")


def test_an_execution_carries_its_run() -> None:
    manifest = ExecutionSpec(
        "abalone",
        [{"name": "Rounds", "value": "5"}],
        selected_steps=["Train"],
        source_execution_arn="arn:x",
        pipeline_version_id=3,
    ).manifest("ml", RUN, attempt=2, tried=Try())
    name = manifest["metadata"]["name"]
    assert name == RUN.resource_name("abalone", 2)
    assert manifest["metadata"]["labels"][LABEL_ATTEMPT] == "2"
    assert manifest["metadata"]["annotations"][ANNOTATION_IDENTITY] == RUN.text
    assert manifest["spec"] == {
        "pipelineName": "abalone",
        "pipelineExecutionDisplayName": name,
        "pipelineParameters": [{"name": "Rounds", "value": "5"}],
        "pipelineVersionID": 3,
        "selectiveExecutionConfig": {"selectedSteps": [{"stepName": "Train"}], "sourcePipelineExecutionARN": "arn:x"},
    }


def test_what_runs_is_stopped_with_its_resource() -> None:
    """Whatever a namespace or the controller does with what says nothing: deploy/helm/values.yaml has it retained."""
    key = "services.k8s.aws/deletion-policy"
    execution = ExecutionSpec("abalone").manifest("ml", RUN, attempt=1, tried=Try())
    assert execution["metadata"]["annotations"][key] == "delete"
    assert execution_manifest(ExecutionSpec("abalone"), "ml", "mine")["metadata"]["annotations"][key] == "delete"

    def made(kind: str, **annotations: str) -> Any:
        made = resource_manifest(
            kind, "one", "ml", {}, labels={}, annotations=annotations, identity=RUN, tried=Try(), attempt=1
        )
        return made["metadata"]["annotations"].get(key)

    assert made("TrainingJob") == "delete"
    assert made("TrainingJob", **{key: "retain"}) == "retain", "who writes it means it"
    assert made("Model") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pipeline_name": "a b"}, "not a SageMaker pipeline name"),
        ({"display_name": "a_b"}, "display_name"),
        ({"display_name": "a" * 83}, "1 to 82"),
        ({"source_execution_arn": "arn:x"}, "selected_steps"),
        ({"selected_steps": ["Train"] * 51}, "more than the 50"),
        ({"pipeline_version_id": 0}, "at least 1"),
        ({"description": "x" * 3073}, "3,072"),
    ],
)
def test_an_execution_that_would_be_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ExecutionSpec(**{"pipeline_name": "abalone", **changes}).manifest("ml", RUN, attempt=1, tried=Try())


def test_a_pipeline_may_be_given_by_its_arn() -> None:
    assert pipeline_name_of("arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone") == "abalone"


def test_a_resource_of_any_kind() -> None:
    manifest = resource_manifest("Model", "m", "ml", {"modelName": "m"}, labels={"team": "x"}, annotations={})
    assert manifest["kind"] == "Model"
    assert manifest["metadata"]["labels"]["team"] == "x"
    for kind, name in (("Pod", "m"), ("Model", "M_")):
        with pytest.raises(SpecError):
            resource_manifest(kind, name, "ml", {}, labels={}, annotations={})


def test_a_mapping_is_one_or_an_error_that_says_how_to_get_one() -> None:
    assert check_mapping("parameters", None) == {}
    assert check_mapping("parameters", {"a": 1}) == {"a": 1}
    for value in ("{'a': 1}", [1], 7):
        with pytest.raises(SpecError, match="render_template_as_native_obj"):
            check_mapping("parameters", value)


def test_the_text_of_a_template_is_no_list_of_names() -> None:
    assert check_names("selected_steps", None) == ()
    assert check_names("selected_steps", ["Prepare", "Train"]) == ("Prepare", "Train")
    for value in ("Train", {"Train": 1}, [1], 7):
        with pytest.raises(SpecError, match="render_template_as_native_obj"):
            check_names("selected_steps", value)


def test_a_digest_is_one_or_none_and_never_silently_ignored() -> None:
    assert check_sha256(None) is None
    assert check_sha256("") is None
    assert check_sha256(" " + "AB" * 32) == "ab" * 32
    for value in ("ab", 0, "g" * 64, "sha256:" + "0" * 64):
        with pytest.raises(SpecError, match="64 hexadecimal"):
            check_sha256(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "runs"),
    [
        ("abalone", True),
        ("arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone", True),
        ("abalone2", False),
        (None, False),
    ],
)
def test_whose_execution_it_is_can_be_told_of_any_resource(reference: str | None, runs: bool) -> None:
    assert runs_pipeline({"spec": {"pipelineName": reference}}, "abalone") is runs
    assert not runs_pipeline({}, "abalone")


@pytest.mark.parametrize("value", [5, 1.1, True, ["a"], {"a": 1}])
def test_a_name_or_a_description_that_is_no_text_is_one_clear_error(value: Any) -> None:
    for name in ("display_name", "description"):
        changes: dict[str, Any] = {name: value}
        with pytest.raises(SpecError, match=name):
            ExecutionSpec("p", **changes).manifest("ml", RUN, attempt=1, tried=Try())
        with pytest.raises(SpecError, match=name):
            spec(**changes).manifest("ml")


def test_labels_annotations_and_tags_are_texts() -> None:
    made = resource_manifest("Model", "m", "ml", {}, labels={"v": 1.1}, annotations={"n": 5, "t": "1.10"})
    assert made["metadata"]["labels"]["v"] == "1.1"
    assert made["metadata"]["annotations"] == {"n": "5", "t": "1.10"}
    with pytest.raises(SpecError, match=r"labels\['v'\] must be a text, not list"):
        resource_manifest("Model", "m", "ml", {}, labels={"v": ["a"]}, annotations={})
    with pytest.raises(SpecError, match=r"tags\['team'\] must be a text, not dict"):
        spec(tags={"team": {}}).manifest("ml")


def test_a_job_carries_the_run_that_asks_for_it_and_a_kept_thing_does_not() -> None:
    def made(kind: str) -> dict[str, Any]:
        return resource_manifest(kind, "m", "ml", {}, labels={}, annotations={}, identity=RUN, tried=Try(number=2))

    assert RUN.owns(made("TrainingJob"))
    assert launched_by(made("TrainingJob")) == Try(number=2)
    assert not RUN.owns(made("Model"))
