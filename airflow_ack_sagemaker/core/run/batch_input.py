"""A batch as a DAG's author gives it: its executions, how many must succeed, and which resource is whose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_ASKED
from airflow_ack_sagemaker.core.resource.launched_by import Relation, Try, relation_of
from airflow_ack_sagemaker.core.resource.manifest import SpecError, check_mapping
from airflow_ack_sagemaker.core.run.decision import attempt_of

_NAMED = 5
"""Executions that one error names."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a DAG author gives for one execution."""

    parameters: Mapping[str, Any]
    display_name: str | None = None
    description: str | None = None


def entries_of(executions: Any, common: Any) -> list[Entry]:
    """The executions of a batch as a DAG author gives them.

    :param executions: a sequence of parameters' values by name, or of ``{"parameters": {...}, "display_name": ...,
        "description": ...}``.
    :param common: parameters of all of them, where they have none of their own.
    :raises SpecError: it is something else, most often the text of a template.
    """
    if isinstance(executions, str | bytes | Mapping) or not isinstance(executions, Iterable):
        raise SpecError(
            f"executions must be a list with a mapping for each execution, not {type(executions).__name__}. A template "
            "gives a text, unless the DAG has render_template_as_native_obj=True."
        )
    shared = check_mapping("parameters", common)
    entries = []
    for index, given in enumerate(executions):
        entry = check_mapping(f"executions[{index}]", given)
        more: dict[str, Any] = {}
        if isinstance(entry.get("parameters"), Mapping):
            more = {key: value for key, value in entry.items() if key != "parameters"}
            if unknown := sorted(more.keys() - {"display_name", "description"}):
                raise SpecError(
                    f"executions[{index}] has {unknown[0]!r} beside its 'parameters': it does not belong there."
                )
            entry = entry["parameters"]
        entries.append(Entry({**shared, **entry}, **more))
    return entries


def spare_failures(count: int, min_succeeded: int | float | None) -> int:
    """How many of a batch may fail.

    :param min_succeeded: how many must succeed: a number, or a share (a float of more than 0 and at most 1); None: all.
    :raises SpecError: it is neither, or more than there are.
    """
    if min_succeeded is None:
        return 0
    if isinstance(min_succeeded, float) and 0 < min_succeeded <= 1:
        return count - math.ceil(min_succeeded * count - 1e-9)
    if isinstance(min_succeeded, bool) or not isinstance(min_succeeded, int) or not 0 <= min_succeeded <= count:
        raise SpecError(
            f"min_succeeded {min_succeeded!r} must be a number of executions from 0 to {count}, or a share of them as "
            "a float of more than 0.0 and at most 1.0."
        )
    return count - min_succeeded


def assign_slots(
    asked: Sequence[str],
    resources: Mapping[int, Sequence[Resource]],
    tried: Try,
    shown: Callable[[Mapping[str, str]], Mapping[str, Any]] = dict,
) -> list[int]:
    """Which number each execution of the list has in the names of the resources.

    The list may have been edited since an earlier try. So what was launched is matched with what is asked for by
    content, not by place: first where both agree, then wherever the same content stands now. What was never launched
    gets the number of its place, or the next that is free.

    :param asked: digest of each execution of the list (`ExecutionSpec.asked`).
    :param resources: the run's resources by their number.
    :param tried: this try. What was launched before a clear binds nobody.
    :param shown: parameters as an error may show them: without secrets.
    :raises SpecError: something was launched that the list does not have any more: naming it.
    """
    launched: dict[int, Resource] = {}
    for slot, found in resources.items():
        of_now = [item for item in found if relation_of(item, tried) is Relation.SAME_RUN]
        if of_now:
            launched[slot] = max(of_now, key=attempt_of)
    content = {slot: fields.annotation(resource, ANNOTATION_ASKED) for slot, resource in launched.items()}
    slots: list[int | None] = [place if content.get(place) == digest else None for place, digest in enumerate(asked)]
    left = dict(sorted((slot, digest) for slot, digest in content.items() if slot not in slots))
    for place, digest in enumerate(asked):
        if slots[place] is None and (match := next((s for s, d in left.items() if d == digest), None)) is not None:
            slots[place] = match
            del left[match]
    if left:
        named = "\n".join(
            f"{fields.name(launched[slot])} with {dict(shown(fields.parameters(launched[slot])))}"
            for slot in [*left][:_NAMED]
        )
        more = f"\n... and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        raise SpecError(
            f"executions has changed since an earlier try of this run, which launched what is not in it any more:\n"
            f"{named}{more}\nNothing was launched. Restore the list, or clear the task: that stops what still runs and "
            "launches the present list."
        )
    taken = {slot for slot in slots if slot is not None}
    free = count(max([len(asked) - 1, *content]) + 1)
    assigned = []
    for place, matched in enumerate(slots):
        number = matched if matched is not None else next(free) if place in taken else place
        taken.add(number)
        assigned.append(number)
    return assigned
