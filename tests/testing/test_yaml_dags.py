"""What is wrong in a YAML file of dag-factory is told before it is loaded: all of it, with its lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_ack_sagemaker.exceptions import AckInputError
from airflow_ack_sagemaker.testing import check_yaml_dags

EXAMPLE = Path(__file__).parents[2] / "dags" / "from_yaml" / "retraining.yaml"
RIGHT = """\
default:
  start_date: 2026-01-01
  default_args:
    retries: 2
    role_arn: arn:aws:iam::123456789012:role/sagemaker-pipelines
demand:
  schedule: "@weekly"
  tasks:
    pipeline:
      operator: airflow_ack_sagemaker.operators.pipeline.AckPipelineOperator
      pipeline_name: demand
      definition_uri: s3://ml-models/demand.json
    retrain:
      operator: airflow_ack_sagemaker.operators.pipeline_execution.AckPipelineExecutionOperator
      pipeline_name: demand
      parameters: {Rounds: 20}
      on_timeout: stop
      dependencies:
        - pipeline
"""

Told = Callable[[str], list[str]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What is told of a file with this text, line by line."""

    def check(text: str) -> list[str]:
        file = tmp_path / "demand.yaml"
        file.write_text(text)
        try:
            check_yaml_dags(file)
        except AckInputError as error:
            return str(error).splitlines()
        return []

    return check


def test_what_is_right(told: Told) -> None:
    check_yaml_dags(EXAMPLE)
    assert told(RIGHT) == []


@pytest.mark.parametrize(
    ("right", "wrong", "told_of_it"),
    [
        (
            "parameters:",
            "paramters:",
            "demand.yaml:16: AckPipelineExecutionOperator has no argument 'paramters'. Did you mean 'parameters'?",
        ),
        (
            "      definition_uri: s3://ml-models/demand.json\n",
            "",
            "demand.yaml:9: AckPipelineOperator: missing keyword argument 'definition_uri'",
        ),
        (
            "on_timeout: stop",
            "on_timeout: halt",
            "demand.yaml:17: AckPipelineExecutionOperator: on_timeout 'halt' must be 'leave' or 'stop'.",
        ),
        ("retries: 2", "retries: two", "demand.yaml:4: AckPipelineOperator: 'retries' type must be int, not str"),
        (
            "pipeline.AckPipelineOperator",
            "pipeline.AckPiplineOperator",
            "demand.yaml:10: There is no operator 'airflow_ack_sagemaker.operators.pipeline.AckPiplineOperator': "
            "module 'airflow_ack_sagemaker.operators.pipeline' has no attribute 'AckPiplineOperator'. Did you mean "
            "'airflow_ack_sagemaker.operators.pipeline.AckPipelineOperator'?",
        ),
        (
            "operators.pipeline.Ack",
            "operator.pipeline.Ack",
            "demand.yaml:10: There is no operator 'airflow_ack_sagemaker.operator.pipeline.AckPipelineOperator': "
            "module 'airflow_ack_sagemaker' has no attribute 'operator'. Did you mean "
            "'airflow_ack_sagemaker.operators.pipeline.AckPipelineOperator'?",
        ),
        (
            "operators.pipeline.AckPipelineOperator",
            "task_groups.retraining",
            "demand.yaml:10: airflow_ack_sagemaker.task_groups.retraining is no operator: dag-factory makes tasks of "
            "operators' classes alone.",
        ),
        (
            "operator: airflow_ack_sagemaker.operators.pipeline.A",
            "op: A",
            "demand.yaml:9: Task 'pipeline' has neither ",
        ),
        (
            "        - pipeline\n",
            "        - pipelin\n",
            "demand.yaml:19: 'retrain' depends on 'pipelin', which is not there. Did you mean 'pipeline'?",
        ),
        ("dependencies:\n        - ", "dependencies: ", "demand.yaml:18: dependencies 'pipeline' must be a list."),
        (
            "dependencies:",
            "task_group_name: train\n      dependencies:",
            "demand.yaml:18: task_group_name 'train' is not among the task_groups.",
        ),
        (
            "schedule:",
            "schedul:",
            "demand.yaml:7: dag-factory reads no 'schedul' of a DAG, and would ignore it. Did you mean 'schedule'?",
        ),
        (
            "retries:",
            "retires:",
            "demand.yaml:4: No operator of this file has an argument 'retires': Airflow would ignore it. Did you mean "
            "'retries'?",
        ),
        ("    retrain:", "    pipeline:", "demand.yaml:13: 'pipeline' is given twice."),
        ("  tasks:\n", "  tasks:\n    - task_id: x\n", "demand.yaml:10: This is no YAML: "),
        ("demand:\n", "demand: 5\nother:\n", "demand.yaml:6: 'demand' must be a DAG: a mapping with tasks."),
    ],
)
def test_what_is_wrong(told: Told, right: str, wrong: str, told_of_it: str) -> None:
    assert RIGHT.count(right) >= 1
    lines = told(RIGHT.replace(right, wrong, 1))
    assert any(line.startswith(told_of_it) for line in lines), lines


def test_all_at_once_in_the_order_of_the_file(told: Told) -> None:
    wrong = RIGHT.replace("schedule:", "schedul:").replace("parameters:", "paramters:")
    lines = told(wrong.replace("on_timeout: stop", "on_timeout: halt").replace("- pipeline", "- pipelin"))
    assert [line.split(":")[1] for line in lines] == ["7", "16", "17", "19"]


def test_tasks_as_a_list(told: Told) -> None:
    listed = RIGHT.replace("    pipeline:\n  ", "    - task_id: pipeline\n  ").replace(
        "    retrain:\n  ", "    - task_id: retrain\n  "
    )
    assert told(listed) == []
    assert told(listed.replace("on_timeout: stop", "on_timeout: halt"))[0].startswith("demand.yaml:17: ")
    assert told(listed.replace("task_id: retrain", "task_id: pipeline"))[0].startswith("demand.yaml:13: task_id ")
    assert told(listed.replace("task_id: retrain", "name: retrain"))[0].startswith("demand.yaml:13: Each of the tasks ")


def test_groups_are_known(told: Told) -> None:
    grouped = RIGHT.replace("  tasks:\n", "  task_groups:\n    first: {tooltip: x}\n  tasks:\n", 1)
    grouped = grouped.replace("      definition_uri", "      task_group_name: first\n      definition_uri")
    assert told(grouped.replace("- pipeline", "- first")) == []


def test_a_mapped_task(told: Told) -> None:
    def mapped(values: str) -> str:
        return RIGHT.replace("parameters: {Rounds: 20}", f"expand: {{{values}}}")

    assert told(mapped("parameters: [{Rounds: 20}, {Rounds: 50}]")) == []
    assert told(mapped("parameters: pipeline.output")) == []
    assert told(mapped("paramters: [{Rounds: 20}]")) == [
        "demand.yaml:16: AckPipelineExecutionOperator has no argument 'paramters'. Did you mean 'parameters'?"
    ]


def test_values_that_dag_factory_makes(told: Told) -> None:
    def timeout(value: str) -> list[str]:
        return told(RIGHT.replace("on_timeout: stop", f"execution_timeout: {value}"))

    assert timeout("{__type__: datetime.timedelta, hours: 6}") == []
    assert timeout("{__type__: datetime.timedelta, __args__: [1]}") == []
    assert timeout("{__type__: datetime.timedelta, hour: 6}")[0].startswith("demand.yaml:13: ")
    assert timeout("6")[0].startswith("demand.yaml:17: AckPipelineExecutionOperator: execution_timeout must be ")


def test_what_stands_twice_through_an_anchor(told: Told) -> None:
    """Merged in is not twice; a line is that of the anchor."""
    anchored = RIGHT.replace("demand:\n", "same:\n  tasks: {}\n  params: &same {on_timeout: halt}\ndemand:\n")
    anchored = anchored.replace("on_timeout: stop", "<<: *same")
    assert told(anchored) == [
        "demand.yaml:8: AckPipelineExecutionOperator: on_timeout 'halt' must be 'leave' or 'stop'."
    ]


def test_an_anchor_that_merges_one_itself_has_nothing_twice(told: Told) -> None:
    nested = """\
one: {tasks: {}, params: &one {k: 1}}
two: {tasks: {}, params: {a: {b: &two {<<: *one, k: 2}}}}
three: {tasks: {}, params: {<<: *two}}
"""
    assert told(nested + RIGHT) == told(RIGHT) == []


def test_a_template_without_quotes(told: Told) -> None:
    """It is a mapping whose key is a mapping."""
    (problem,) = told(RIGHT.replace("on_timeout: stop", "on_timeout: {{ dag_run.conf }}"))
    assert problem.startswith("demand.yaml:17: This is no YAML: found unhashable key.")


def test_defaults_of_the_folder(told: Told, tmp_path: Path) -> None:
    without = RIGHT.replace("      definition_uri: s3://ml-models/demand.json\n", "")
    assert told(without) != []
    (tmp_path / "defaults.yml").write_text("catchup: false\ndefault_args:\n  definition_uri: s3://b/d.json\n  x: 1\n")
    assert told(without) == []
    (tmp_path / "defaults.yml").write_text("catchups: false\ndefault_args: {definition_uri: s3://b/d.json}\n")
    assert told(without) == [
        "defaults.yml:1: dag-factory reads no 'catchups' of a DAG, and would ignore it. Did you mean 'catchup'?"
    ]


def test_operators_of_others_are_only_looked_for(told: Told) -> None:
    other = "operator: airflow.providers.standard.operators.python.PythonOperator\n      python_callable_name: tell"
    text = RIGHT + f"    tell:\n      {other}\n      dependencies: [retrain]\n"
    assert told(text) == []
    assert told(text.replace("PythonOperator", "PythonOperater"))[0].startswith("demand.yaml:21: There is no operator")


def test_each_operator_takes_what_its_signature_says(told: Told) -> None:
    """Also an argument of its base, and of Airflow's."""
    more = RIGHT.replace("on_timeout: stop", "namespace: ml\n      pool: gpus\n      trigger_rule: all_done")
    assert told(more) == []
