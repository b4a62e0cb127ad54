"""What a pipeline reads from S3 and writes there, as far as its definition says it before anything runs.

A step's arguments are a request of SageMaker's API, in which an address of S3 stands in one of a few members. Those
below something that is called an output are written, the others are read. What one step writes and another one reads
is inside the pipeline, so it counts as written only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, is_expression, resolve
from airflow_ack_sagemaker.core.definition.steps import Step, own_values

_PLACES = frozenset({"S3Uri", "S3OutputPath", "S3OutputUri", "S3ModelArtifacts", "ModelDataUrl", "ManifestS3Uri"})
"""Members of the API's requests that hold an address of S3."""
_ASIDE = frozenset(
    {"CheckpointConfig", "DebugHookConfig", "ProfilerConfig", "TensorBoardOutputConfig", "PropertyFiles", "Conditions"}
)
"""What belongs to the way in which a job runs, and is no data of the pipeline's."""
MOST = 1_000
"""Places of each sort that are told."""


@dataclass(frozen=True, slots=True)
class Datasets:
    """Addresses (``s3://bucket/key``) without doubles, in the order of the definition. ``left_out`` are the places that
    have no value, each once: what only another step's result tells, most often.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    left_out: tuple[Unresolved, ...]


def datasets_of(steps: Iterable[Step], scope: Scope) -> Datasets:
    """What the steps of a definition read and write.

    :param scope: the values of its parameters and of the execution's variables, where there is one.
    """
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    left_out: dict[Unresolved, None] = {}
    for step in steps:
        for value, written in _places(own_values(step.type, step.body).get("Arguments"), written=False):
            place = resolve(value, scope)
            if isinstance(place, Unresolved):
                left_out[place] = None
            elif isinstance(place, str) and place.startswith("s3://") and len(place) > len("s3://"):
                found[written][place.rstrip("/")] = None
    outputs = tuple(found[True])
    inputs = tuple(place for place in found[False] if place not in found[True])
    return Datasets(inputs[:MOST], outputs[:MOST], tuple(left_out)[:MOST])


def _places(value: Any, *, written: bool) -> Iterator[tuple[Any, bool]]:
    """The addresses in a step's arguments, each with whether it is written."""
    waiting = [(value, written)]
    while waiting:
        inner, below = waiting.pop()
        if isinstance(inner, list):
            waiting.extend((item, below) for item in reversed(inner))
        elif isinstance(inner, dict) and not is_expression(inner):
            for name, member in inner.items():
                if name in _PLACES and (isinstance(member, str) or is_expression(member)):
                    yield member, below or "Output" in name
            waiting.extend(
                (member, below or "Output" in name)
                for name, member in reversed(inner.items())
                if name not in _ASIDE and name not in _PLACES
            )
