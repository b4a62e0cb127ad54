"""What a YAML file of dag-factory says, with the line of each thing, and what is wrong with it by itself.

Nothing here imports Airflow or dag-factory. The rules are those of dag-factory 1.1.0 (``dagfactory.py``,
``dagbuilder.py``, ``_yaml.py``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from airflow_ack_sagemaker.core.definition.problems import Findings, quoted

CALLBACKS = frozenset(f"on_{event}_callback" for event in ("execute", "failure", "retry", "skipped", "success"))
_IN_FILES = frozenset(f"{callback}_{part}" for callback in CALLBACKS for part in ("file", "name"))

TASK_KEYS = _IN_FILES | {
    "decorator", "dependencies", "expand", "operator", "parent_group_name", "partial", "task_group_name", "task_id",
    "variables_as_arguments",
}  # fmt: skip
"""Keys of a task that are dag-factory's own, and no arguments of its operator."""

DEFAULT_ARGS_KEYS = CALLBACKS | _IN_FILES | {"timezone"}
"""Keys of default_args that dag-factory reads itself."""

DAG_KEYS = frozenset({
    "access_control", "catchup", "concurrency", "dag_display_name", "dagrun_timeout", "default_args", "description",
    "doc_md", "doc_md_file_path", "doc_md_python_arguments", "doc_md_python_callable_file",
    "doc_md_python_callable_name", "end_date", "is_paused_upon_creation", "max_active_runs", "max_active_tasks",
    "on_failure_callback", "on_failure_callback_file", "on_failure_callback_name", "on_success_callback",
    "on_success_callback_file", "on_success_callback_name", "params", "render_template_as_native_obj", "schedule",
    "start_date", "tags", "task_groups", "tasks", "template_searchpath", "timetable", "timezone",
    "user_defined_macros",
})  # fmt: skip
"""Keys of a DAG that dag-factory reads. It ignores any other, also one that Airflow's DAG has."""


class Place(NamedTuple):
    """A line of a file, counted from 1."""

    file: str
    line: int


class Problem(NamedTuple):
    """What is wrong, and where."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.message}"


class Lined(dict[Any, Any]):
    """A mapping that knows where each of its keys stands."""

    def __init__(self, values: Any = (), places: dict[Any, Place] | None = None) -> None:
        super().__init__(values)
        self.places = places or {}

    def over(self, defaults: Lined) -> Lined:
        """This mapping, and of the defaults what it does not say itself."""
        merged = Lined({**defaults, **self}, {**defaults.places, **self.places})
        for key in self.keys() & defaults.keys():
            if isinstance(self[key], Lined) and isinstance(defaults[key], Lined):
                merged[key] = self[key].over(defaults[key])
        return merged

    def mapping(self, key: str) -> Lined:
        """A mapping in this one; an empty one where there is none."""
        return value if isinstance(value := self.get(key), Lined) else Lined()


class LinedList(list[Any]):
    """A list that knows where each of its items stands."""

    places: Sequence[Place] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A task: what its operator gets, and from where."""

    task_id: str
    place: Place
    given: Lined
    default_args: Lined


@dataclass(slots=True)
class Read:
    """What a file says: its tasks, as far as they can be read, and its problems."""

    file: str
    tasks: list[Task] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, place: Place, message: str) -> None:
        """Note what is wrong, once: what stands in the defaults is met again in each DAG."""
        if (found := Problem(place, message)) not in self.problems:
            self.problems.append(found)


def read(path: Path, defaults: Iterable[Path] = ()) -> Read:
    """The tasks of a file.

    :param path: the file.
    :param defaults: the files ``defaults.yml`` that hold for it, the nearest first.
    """
    found, above = Read(path.name), Lined()
    for each in defaults:
        above = above.over(_load(each, found))
    document = _load(path, found)
    common = document.mapping("default")
    for keys in (above, common):
        _check_keys(keys, found)
    arguments = common.mapping("default_args").over(above.mapping("default_args"))
    above.pop("default_args", None)
    for dag_id, dag in document.items():
        if dag_id in ("default", "task_groups"):
            continue
        if not isinstance(dag, Lined):
            found.problem(document.places[dag_id], f"{quoted(dag_id)} must be a DAG: a mapping with tasks.")
            continue
        _check_keys(dag, found)
        merged = dag.over(above).over(common)
        _read_tasks(merged, dag.mapping("default_args").over(arguments), found)
    return found


def suggestion(name: object, names: Iterable[str]) -> str:
    """`` Did you mean 'X'?``, or the empty string."""
    return Findings().suggestion(str(name), names)


def _check_keys(dag: Lined, found: Read) -> None:
    for key in dag.keys() - DAG_KEYS:
        told = f"dag-factory reads no {quoted(key)} of a DAG, and would ignore it."
        found.problem(dag.places[key], told + suggestion(key, DAG_KEYS))


def _read_tasks(dag: Lined, default_args: Lined, found: Read) -> None:
    groups = dict(_entries(dag, "task_groups", "group_name", found))
    tasks = dict(_entries(dag, "tasks", "task_id", found))
    known = [*tasks, *groups]
    for name, (_, entry) in {**groups, **tasks}.items():
        for key in ("task_group_name", "parent_group_name"):
            if key in entry and entry[key] not in groups:
                told = f"{key} {quoted(entry[key])} is not among the task_groups."
                found.problem(entry.places[key], told + suggestion(entry[key], groups))
        needed = entry.get("dependencies") or LinedList()
        if not isinstance(needed, LinedList):
            found.problem(entry.places["dependencies"], f"dependencies {quoted(needed)} must be a list.")
            continue
        for other, place in zip(needed, needed.places, strict=True):
            if other not in known:
                told = f"{quoted(name)} depends on {quoted(other)}, which is not there."
                found.problem(place, told + suggestion(other, known))
    for name, (place, entry) in tasks.items():
        if "operator" not in entry and "decorator" not in entry:
            found.problem(place, f"Task {quoted(name)} has neither operator nor decorator.")
        found.tasks.append(Task(name, place, entry, default_args))


def _entries(dag: Lined, key: str, name_key: str, found: Read) -> Iterator[tuple[str, tuple[Place, Lined]]]:
    """Tasks or groups by name: a mapping, or a list whose items say their names."""
    entries: Any = dag.get(key) or Lined()
    if not isinstance(entries, (Lined, LinedList)):
        found.problem(dag.places[key], f"{key} must be a mapping, or a list.")
        return
    listed = isinstance(entries, LinedList)
    seen = set()
    for at, entry in enumerate(entries) if isinstance(entries, LinedList) else entries.items():
        place = entries.places[at]
        if not isinstance(entry, Lined) or (listed and name_key not in entry):
            found.problem(place, f"Each of the {key} must be a mapping{f' with a {name_key}' if listed else ''}.")
            continue
        name = str(entry[name_key] if listed else at)
        if name in seen:
            found.problem(place, f"{name_key} {quoted(name)} is given twice.")
            continue
        seen.add(name)
        yield name, (place, entry)


def _load(path: Path, found: Read) -> Lined:
    """What a file says; an empty mapping where it cannot be read."""
    loader = _Loader(os.path.expandvars(path.read_text(encoding="utf-8")), path.name, found)
    try:
        document = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found.problem(Place(path.name, mark.line + 1 if mark else 1), f"This is no YAML: {error.problem}.")
        return Lined()
    except yaml.YAMLError as error:
        found.problem(Place(path.name, 1), f"This is no YAML: {error}.")
        return Lined()
    finally:
        loader.dispose()
    if not isinstance(document, Lined):
        found.problem(Place(path.name, 1), "The file must be a mapping of DAGs by their ids.")
        return Lined()
    return document


class _Loader(yaml.FullLoader):
    """dag-factory's loader, with lines. A key that stands twice is no error of YAML's loader: the first is lost."""

    def __init__(self, text: str, file: str, found: Read) -> None:
        super().__init__(text)
        self.file, self.found = file, found

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """As written: later the keys that ``<<`` brings are among them, too."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                self.found.problem(self.place(key), f"{quoted(key.value)} is given twice.")
            seen.add(key.value)
        return node

    def lined(self, node: yaml.MappingNode) -> Iterator[Lined]:
        mapping = Lined()
        yield mapping
        mapping.update(self.construct_mapping(node))
        mapping.places = {self.construct_object(key): self.place(key) for key, _ in node.value}

    def lined_list(self, node: yaml.SequenceNode) -> Iterator[LinedList]:
        items = LinedList()
        yield items
        items.extend(self.construct_sequence(node))
        items.places = [self.place(item) for item in node.value]


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.lined)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.lined_list)
