"""A text stays a text, whatever the DAG says about native objects; on the oldest and the newest Airflow."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import datetime, timezone
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

import airflow_ack_sagemaker.operators
import airflow_ack_sagemaker.sensors
from airflow_ack_sagemaker.exceptions import AckInputError
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.operators.resource import AckResourceOperator
from airflow_ack_sagemaker.sensors.resource import AckResourceSensor
from airflow_ack_sagemaker.templates import TEXT, TEXT_VALUES, TextTemplates

pytestmark = pytest.mark.floor

LITERALS = ["1.10", "1_000", "0x1F", "1e3", "None", "True", "[1, 2]", "{'a': 1}", "'quoted'", "0123", "a\n"]
CONTEXT: dict[str, Any] = {
    "version": "1.10",
    "rounds": 5,
    "ratio": 1.5,
    "flag": True,
    "nothing": None,
    "many": ["a", "b"],
    "mapping": {"Version": "1.10", "Rounds": 5},
}
AS_THE_DAG_SAYS = frozenset(
    {
        "config",
        "deployment_config",
        "execution_history_limit",
        "manifest",
        "max_active_executions",
        "metrics",
        "model",
        "pipeline_version_id",
        "placeholders",
        "spec",
    }
)
"""Numbers, and documents in which a number is one."""


def dag(*, native: bool = True, **options: Any) -> DAG:
    return DAG(
        "templates",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        render_template_as_native_obj=native,
        **options,
    )


def rendered(task: Any, context: dict[str, Any] | None = None) -> Any:
    task.render_template_fields(dict(CONTEXT if context is None else context))
    return task


def execution(of: DAG, **values: Any) -> AckPipelineExecutionOperator:
    return AckPipelineExecutionOperator(task_id="t", dag=of, **{"pipeline_name": "p", **values})


def pipeline(of: DAG, **values: Any) -> AckPipelineOperator:
    return AckPipelineOperator(
        task_id="t", dag=of, **{"pipeline_name": "p", "role_arn": "r", "definition_uri": "s3://b/k", **values}
    )


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("text", LITERALS)
def test_a_text_without_a_template_is_not_read_again(text: str, native: bool) -> None:
    task = rendered(execution(dag(native=native), parameters={"Version": text}, description=text, display_name=text))
    assert task.parameters == {"Version": text}
    assert (task.description, task.display_name) == (text, text)
    made = rendered(pipeline(dag(native=native), placeholders={"V": [text]}, tags={"v": text}, namespace=text))
    assert (made.placeholders, made.tags, made.namespace) == ({"V": [text]}, {"v": text}, text)
    batch = AckPipelineExecutionsOperator(
        task_id="t", dag=dag(native=native), pipeline_name="p", executions=[{"Version": text}]
    )
    assert rendered(batch).executions == [{"Version": text}]
    spec = {"modelName": text, "containers": [{"image": text}]}
    resource = AckResourceOperator(task_id="t", dag=dag(native=native), kind="Model", name=text, spec=spec)
    assert (rendered(resource).spec, resource.name) == (spec, text)
    sensor = AckResourceSensor(task_id="t", dag=dag(native=native), kind="Model", name=text, namespace=text)
    assert (rendered(sensor).name, sensor.namespace) == (text, text)


@pytest.mark.parametrize(
    ("template", "native", "plain"),
    [
        ("{{ version }}", "1.10", "1.10"),
        ("{{ version }}0", "1.100", "1.100"),
        ("v{{ rounds }}", "v5", "v5"),
        ("{{ rounds }}", 5, "5"),
        ("{{ ratio }}", 1.5, "1.5"),
        ("{{ flag }}", True, "True"),
        ("{{ nothing }}", None, "None"),
        ("{% if flag %}1e3{% endif %}", "1e3", "1e3"),
        ("1.10{# what it trained on #}", "1.10", "1.10"),
    ],
)
def test_a_value_is_what_its_expression_gives(template: str, native: Any, plain: str) -> None:
    assert rendered(execution(dag(), parameters={"P": template})).parameters == {"P": native}
    assert rendered(execution(dag(native=False), parameters={"P": template})).parameters == {"P": plain}
    assert rendered(execution(dag(), description=template)).description == (None if native is None else str(native))


def test_a_template_for_a_whole_mapping_gives_one() -> None:
    assert rendered(execution(dag(), parameters="{{ mapping }}")).parameters == CONTEXT["mapping"]
    written = "{'Version': '{{ version }}', 'Rounds': {{ rounds }}}"
    assert rendered(execution(dag(), parameters=written)).parameters == CONTEXT["mapping"]


def test_what_must_be_a_text_is_no_collection() -> None:
    for template in ("{{ many }}", "{{ mapping }}"):
        with pytest.raises(AckInputError, match=r"display_name must be a text, not (list|dict)"):
            rendered(execution(dag(), display_name=template))
    assert rendered(execution(dag(), display_name="{{ rounds }}")).display_name == "5"
    assert rendered(pipeline(dag(), definition_version_id=7)).definition_version_id == "7"


def test_a_document_is_rendered_as_the_dag_says() -> None:
    spec = {"resourceConfig": {"instanceCount": "{{ '3' }}"}}
    task = AckResourceOperator(task_id="t", dag=dag(), kind="Model", name="n", spec=spec)
    assert rendered(task).spec == {"resourceConfig": {"instanceCount": 3}}
    assert rendered(pipeline(dag(), placeholders={"V": "{{ version }}"})).placeholders == {"V": 1.1}


def test_an_undefined_name_is_an_error_and_other_marks_are_marks() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        rendered(execution(dag(), description="{{ nobody }}"))
    marks = {"variable_start_string": "[[", "variable_end_string": "]]"}
    for text, shown in (("[[ version ]]", "1.10"), ("{{ version }}", "{{ version }}")):
        assert rendered(execution(dag(jinja_environment_kwargs=marks), description=text)).description == shown


def test_a_mapped_task_renders_the_same() -> None:
    of = dag()
    mapped = AckPipelineExecutionOperator.partial(task_id="t", dag=of, pipeline_name="p").expand(
        parameters=[{"Version": "1.10"}]
    )
    task = mapped.unmap({"parameters": {"Version": "1.10", "Of": "{{ version }}"}})
    assert rendered(task).parameters == {"Version": "1.10", "Of": "1.10"}


def _classes() -> list[type[BaseOperator]]:
    found = set()
    for package in (airflow_ack_sagemaker.operators, airflow_ack_sagemaker.sensors):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and issubclass(value, BaseOperator) and value.__name__.startswith("Ack"):
                    found.add(value)
    return sorted(found, key=lambda found: found.__name__)


@pytest.mark.parametrize("operator", _classes(), ids=lambda operator: operator.__name__)
def test_of_each_template_field_it_is_said_what_it_holds(operator: type[BaseOperator]) -> None:
    assert issubclass(operator, TextTemplates)
    assert set(operator.template_fields) <= TEXT | TEXT_VALUES | AS_THE_DAG_SAYS
