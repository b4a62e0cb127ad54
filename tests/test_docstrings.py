"""Every public name that the reference lists says its parameters, units and errors, and has an example that works."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, BaseHook, BaseOperator
from airflow.triggers.base import BaseTrigger

import airflow_ack_sagemaker.testing
from airflow_ack_sagemaker import exceptions
from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.provider import get_provider_info
from tests.support.messages import said_in_the_code

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
_ENTRY = re.compile(r"^::: (\S+)\n((?:[ ]{4}.*\n?)*)", re.MULTILINE)
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_DURATION = re.compile(r"^(?!on_).*(timeout|interval|seconds|_ttl|_delay|^wait$|_wait$)")


@dataclass(frozen=True, slots=True)
class Listed:
    """A public name: its dotted path, and what it is."""

    path: str
    thing: Any
    member: bool = False

    @property
    def text(self) -> str:
        return inspect.cleandoc(self.thing.__doc__ or "")

    @property
    def function(self) -> Any:
        """What has the parameters; None: it is a property, or has no parameters of its own."""
        if not inspect.isclass(self.thing):
            return self.thing if inspect.isroutine(self.thing) else None
        own = vars(self.thing).get("__init__")
        return own if inspect.isfunction(own) and "__dataclass_fields__" not in vars(self.thing) else None


def _found(path: str) -> Any:
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    return getattr(thing, "__wrapped__", None) or getattr(thing, "_get_wrapped_function", lambda: thing)()


def _listed() -> Iterator[Listed]:
    for page in sorted(REFERENCE.glob("*.md")):
        for path, options in _ENTRY.findall(page.read_text()):
            if path == exceptions.__name__:
                yield from (Listed(f"{path}.{name}", getattr(exceptions, name)) for name in exceptions.__all__)
                continue
            thing = _found(path)
            yield Listed(path, thing)
            if inspect.isclass(thing) and "members: true" in options:
                for name, member in vars(thing).items():
                    if not name.startswith("_") and (inspect.isroutine(member) or hasattr(member, "__doc__")):
                        got = getattr(member, "fget", None) or getattr(member, "func", None) or member
                        if inspect.isroutine(got):
                            yield Listed(f"{path}.{name}", got, member=True)


LISTED = list({each.path: each for each in _listed()}.values())
everything = pytest.mark.parametrize("listed", [pytest.param(each, id=each.path) for each in LISTED])


def _parameters(listed: Listed) -> dict[str, inspect.Parameter]:
    if listed.function is None:
        return {}
    return {
        name: parameter
        for name, parameter in inspect.signature(listed.function).parameters.items()
        if name not in ("self", "context", "request", "monkeypatch")
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


def _said_of(listed: Listed) -> dict[str, str]:
    """What the docstring says of each parameter, and those of the classes that it derives from."""
    of = [listed.thing, *listed.thing.__mro__[1:]] if inspect.isclass(listed.thing) else [listed.thing]
    said: dict[str, str] = {}
    for each in reversed(of):
        text = inspect.cleandoc(each.__doc__ or "")
        said.update(re.findall(r"^:param (\w+): (.*(?:\n[ ]+.*)*)", text, re.MULTILINE))
    return said


def test_the_reference_lists_what_is_public() -> None:
    """Every operator, sensor, trigger and hook of the provider, link, exception, and name of the testing kit."""
    provider = get_provider_info()
    wanted = {*provider["extra-links"], *(f"{exceptions.__name__}.{name}" for name in exceptions.__all__)}
    for folder in ("operators", "sensors", "triggers", "hooks"):
        for entry in provider[folder]:
            for name in entry["python-modules"]:
                wanted |= {
                    f"{name}.{each.__name__}"
                    for each in vars(importlib.import_module(name)).values()
                    if inspect.isclass(each)
                    and issubclass(each, (BaseOperator, BaseTrigger, BaseHook))
                    and each.__module__ == name
                    and not each.__name__.startswith("_")
                }
    for name in airflow_ack_sagemaker.testing.__all__:
        thing = getattr(airflow_ack_sagemaker.testing, name)
        wanted.add(f"{thing.__module__}.{name}")
    assert wanted - {each.path for each in LISTED} == set()


@everything
def test_each_says_what_it_is(listed: Listed) -> None:
    assert listed.text, "it has no docstring"


@everything
def test_each_says_its_parameters_with_types(listed: Listed) -> None:
    said, parameters = _said_of(listed), _parameters(listed)
    assert [name for name in parameters if name not in said] == [], "parameters without a word"
    untyped = [name for name, parameter in parameters.items() if parameter.annotation is parameter.empty]
    assert untyped == [], "parameters without a type"
    own = re.findall(r"^:param (\w+):", listed.text, re.MULTILINE)
    assert len(own) == len(set(own)), "a parameter is said twice"


@everything
def test_each_duration_has_its_unit(listed: Listed) -> None:
    said = _said_of(listed)
    durations = [
        name
        for name, parameter in _parameters(listed).items()
        if _DURATION.search(name) or re.search(r"timedelta|Seconds", str(parameter.annotation))
    ]
    assert [name for name in durations if not re.search(r"second|timedelta", said[name])] == []


@everything
def test_each_says_which_errors_it_raises(listed: Listed) -> None:
    """Operators and sensors always raise something; of the rest, what stands in the code of the function itself."""
    if inspect.isclass(listed.thing):
        if issubclass(listed.thing, BaseOperator):
            assert re.search(r"^:raises|\b[Rr]aises\b|See `Ack\w+` for the others", listed.text, re.MULTILINE)
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(listed.thing)))
    raised = {
        node.exc.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    assert {name for name in raised if name not in listed.text} == set()


def _names(thing: Any) -> Iterator[str]:
    """Its name, and those of what derives from it."""
    yield thing.__name__
    if inspect.isclass(thing):
        for each in thing.__subclasses__():
            yield from _names(each)


def _example(listed: Listed) -> tuple[str, str]:
    example = _FENCE.search(listed.text)
    assert example is not None, "it has no example"
    return example[1], example[2]


@pytest.mark.parametrize("listed", [pytest.param(each, id=each.path) for each in LISTED if not each.member])
def test_each_has_an_example_that_works(listed: Listed) -> None:
    """Code runs inside a DAG; a message of an exception is one that the code says."""
    language, text = _example(listed)
    if inspect.isclass(listed.thing) and issubclass(listed.thing, Exception) and listed.thing is not AckError:
        assert (language, said_in_the_code(text.strip())) == ("text", True)
        return
    assert language == "python"
    assert any(name in text for name in _names(listed.thing)), "the example does not show it"
    with DAG("example", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
        exec(compile(text, listed.path, "exec"), {"__name__": "example"})
