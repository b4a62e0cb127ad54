"""Whether the operators of this package take what a YAML file of dag-factory gives them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, resolve_name
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.definition.problems import quoted
from airflow_ack_sagemaker.testing.yaml_file import (
    CALLBACKS,
    DEFAULT_ARGS_KEYS,
    TASK_KEYS,
    Read,
    Task,
    read,
    suggestion,
)

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

_PACKAGE = "airflow_ack_sagemaker"
# Given as texts, which dag-factory makes something else of; an operator of ours refuses none of them.
_MADE_BY_DAG_FACTORY = CALLBACKS | {"end_date", "inlets", "outlets", "start_date"}


def check_yaml_dags(path: str | Path) -> None:
    """Check a YAML file of dag-factory before it is loaded, without a cluster: all that is wrong at once, each thing
    with its line, as ``retraining.yaml:23: AckPipelineExecutionOperator has no argument 'paramters'. Did you mean
    'parameters'?``

    Found are operators, tasks and groups that are not there, keys that stand twice or that would be ignored, and, for
    the operators of this package, unknown and missing arguments and values that an operator refuses when it is made.
    What a template gives is known only when the task runs.

    ```python
    from pathlib import Path

    from airflow_ack_sagemaker.testing import check_yaml_dags

    def test_the_pipelines():
        for file in Path("dags/from_yaml").glob("*.yaml"):
            check_yaml_dags(file)
    ```

    :param path: the file. What the files ``defaults.yml`` in its folder and above say, as far as Airflow's folder of
        DAGs, is known as dag-factory knows it.
    :raises AckInputError: something is wrong.
    """
    from airflow_ack_sagemaker.exceptions import AckInputError

    path = Path(path).absolute()
    found = read(path, _defaults(path))
    operators = [_operator(task, found) for task in found.tasks]
    for task, operator in zip(found.tasks, operators, strict=True):
        if operator is not None:
            _check_arguments(task, operator, found)
    if None not in operators:  # else the one that is not known may have the argument
        _check_default_args(found, DEFAULT_ARGS_KEYS.union(*map(_arguments, filter(None, operators))))
    if found.problems:
        raise AckInputError("\n".join(map(str, sorted(found.problems))))


def _defaults(path: Path) -> list[Path]:
    """The files with defaults, the nearest first."""
    from airflow.configuration import conf

    root = Path(conf.get("core", "dags_folder"))
    folders = list(path.parents)
    folders = folders[: folders.index(root) + 1] if root in folders else [folders[0], root]
    return [file for folder in folders for file in sorted(folder.glob("defaults.y*ml"), reverse=True)[:1]]


def _operator(task: Task, found: Read) -> type[BaseOperator] | None:
    """The class of a task; None: it is not there, or a decorator makes it."""
    from airflow.sdk import BaseOperator

    if "operator" not in task.given:
        return None
    name, place = task.given["operator"], task.given.places["operator"]
    try:
        operator = resolve_name(name)
    except Exception as error:  # whatever a module says that does not import
        close = suggestion(name, _ours(BaseOperator)) if isinstance(name, str) and name.startswith(_PACKAGE) else ""
        found.problem(place, f"There is no operator {quoted(name)}: {error}.{close}")
        return None
    if not (inspect.isclass(operator) and issubclass(operator, BaseOperator)):
        found.problem(place, f"{name} is no operator: dag-factory makes tasks of operators' classes alone.")
        return None
    return operator


def _ours(base: type) -> Iterator[str]:
    """Where the operators and sensors of this package are."""
    for folder in ("operators", "sensors"):
        package = import_module(f"{_PACKAGE}.{folder}")
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            for name, value in vars(import_module(module.name)).items():
                if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.name:
                    yield f"{module.name}.{name}"


def _arguments(operator: type) -> set[str]:
    """The names of an operator's arguments: its own, and those that it hands on."""
    names: set[str] = set()
    for each in operator.__mro__:
        if "__init__" in vars(each):
            parameters = inspect.signature(vars(each)["__init__"]).parameters.values()
            names |= {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
                break
    return names - {"self"}


def _check_arguments(task: Task, operator: type[BaseOperator], found: Read) -> None:
    if not any(each.__module__.startswith(f"{_PACKAGE}.") for each in operator.__mro__):
        return  # of others, dag-factory takes more than they have themselves
    known, places, values = _arguments(operator), dict(task.given.places), {}
    parts = (task.given, task.given.mapping("partial"), task.given.mapping("expand"))
    for part in parts:
        for name in part.keys() - (TASK_KEYS if part is task.given else ()):
            places[name] = part.places[name]
            if name in known:
                values[name] = part[name]
            else:
                told = f"{operator.__name__} has no argument {quoted(name)}."
                found.problem(part.places[name], told + suggestion(name, known))
    for name in parts[-1].keys() & values.keys():
        if not isinstance(values[name], list) or not values[name]:
            return  # only the run knows what it is mapped over
        values[name] = values[name][0]
    if "variables_as_arguments" in task.given:
        return
    values = {**{name: value for name, value in task.default_args.items() if name in known}, **values}
    values = {name: value for name, value in values.items() if name not in _MADE_BY_DAG_FACTORY}
    places = {**task.default_args.places, **places}
    try:
        operator(**{"task_id": task.task_id, **{name: _made(value) for name, value in values.items()}})
    except Exception as error:  # what an operator refuses is told as it tells it
        named = (word for word in re.findall(r"\w+", str(error)) if word in values)
        found.problem(places.get(next(named, ""), task.place), f"{operator.__name__}: {' '.join(str(error).split())}")


def _check_default_args(found: Read, known: Iterable[str]) -> None:
    """Airflow ignores a default argument that no operator has."""
    for task in found.tasks:
        for name in task.default_args.keys() - set(known):
            if (place := task.default_args.places[name]).file == found.file:  # the others hold for other files, too
                told = f"No operator of this file has an argument {quoted(name)}: Airflow would ignore it."
                found.problem(place, told + suggestion(name, known))


def _made(value: Any) -> Any:
    """A value as dag-factory gives it to an operator: of another type, or joined."""
    if isinstance(value, list):
        return [_made(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "__join__" in value:
        return "".join(str(_made(item)) for item in value["__join__"])
    given = {key: _made(item) for key, item in value.items() if key not in ("__type__", "__args__")}
    if value.get("__type__") == "builtins.list":
        return given["items"]
    return resolve_name(value["__type__"])(*_made(value.get("__args__", [])), **given) if "__type__" in value else given
