"""What the real ACK controller was recorded to write, done once more on the sandbox's.

A recording is a list of JSON lines in order: what was done to the cluster or to SageMaker (``did``), and each object as
it was when it had changed (``object``; null: it was gone), ``t`` seconds after its situation began. A replay does the
same, moves the clock to each ``t``, and looks at the same objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, Kind, kind_of
from tests.contract.servers import APPLY, MERGE
from tests.sandbox.world import Object, World

RECORDINGS = Path(__file__).parent / "recordings"
QUIET_SECONDS = 2.0
"""A wait that is longer is one of the controller's: nothing must change until a second before its end."""

Deed = Callable[[World, Object], None]
"""What is done for a line of a recording."""

_WORDS = re.compile(r"(?<=ValidationException: ).*", re.DOTALL)
_IDENTITY = re.compile(r"(?<=RequestID: )[0-9a-f-]{36}|(?<=/execution/)[a-z0-9]{12}")
_TIMES = frozenset({"creationTime", "lastModifiedTime"})


def lines(name: str) -> list[Object]:
    """A recording."""
    return [json.loads(line) for line in (RECORDINGS / name).read_text().splitlines()]


def situations(recording: Iterable[Object]) -> list[str]:
    """The situations of a recording, in order."""
    return list(dict.fromkeys(line["situation"] for line in recording))


@dataclass(frozen=True)
class Look:
    """An object as it was recorded, and as the replay saw it, both leveled."""

    at: str
    recorded: Object | None
    seen: Object | None


@dataclass
class _Side:
    """The recorded side or the replayed one: it remembers when each condition last changed."""

    times: dict[Kind, dict[str, dict[str, str | None]]] = field(default_factory=dict)

    def leveled(self, kind: Kind, name: str, found: Object | None, *, soon: bool) -> Object | None:
        """An object without what is bound to differ: times, identities, SageMaker's own words.

        ``soon``: it is less than a second since the last look, so that a renewed time need not differ.
        """
        known = self.times.setdefault(kind, {})
        if not found:
            known.pop(name, None)
            return None
        metadata, status = found["metadata"], found.get("status") or {}
        conditions = status.get("conditions") or []
        before = known.get(name, {})
        known[name] = {each["type"]: each.get("lastTransitionTime") for each in conditions}
        return {
            "finalizers": metadata.get("finalizers") or [],
            "annotations": metadata.get("annotations") or {},
            "generation": metadata["generation"],
            "being deleted": "deletionTimestamp" in metadata,
            "managers": sorted(_managers(metadata.get("managedFields") or [])),
            "spec": found["spec"],
            "status": {
                key: "a time" if key in _TIMES else _text(value) for key, value in status.items() if key != "conditions"
            },
            "conditions": [_condition(each, before, soon=soon) for each in conditions],
        }


def _managers(entries: list[Object]) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Who manages which fields of the spec: a recording has their names, a server its notation."""
    for entry in entries:
        fields = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        names = entry["spec"] if "spec" in entry else [name.removeprefix("f:") for name in fields if name != "."]
        yield entry["manager"], entry["operation"], entry.get("subresource", ""), tuple(sorted(names))


def _condition(condition: Object, before: Mapping[str, str | None], *, soon: bool) -> Object:
    result = {key: _text(value) for key, value in condition.items()}
    time = condition.get("lastTransitionTime")
    if time is not None:
        same = before.get(condition["type"]) == time
        result["lastTransitionTime"] = "a time" if soon else "kept" if same else "renewed"
    return result


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _text(member) for key, member in value.items()}
    return _IDENTITY.sub("ID", _WORDS.sub("…", value)) if isinstance(value, str) else value


def _path(world: World, line: Object) -> tuple[Kind, str]:
    kind = kind_of(line["kind"])
    return kind, world.path(kind, line["name"])


def _apply(world: World, line: Object) -> None:
    kind, path = _path(world, line)
    metadata = {"name": line["name"], "annotations": line["annotations"]}
    manifest = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": line["spec"]}
    answer = world.server.request("PATCH", path, manifest, media=APPLY, fieldManager="user", force="true")
    assert answer.is_success == (line["error"] is None), answer.text


def _merge(world: World, line: Object) -> None:
    world.server.done("PATCH", _path(world, line)[1], line["body"], media=MERGE, fieldManager="kubectl-patch")


def _delete(world: World, line: Object) -> None:
    world.server.done("DELETE", _path(world, line)[1])


_DEEDS: dict[str, Deed] = {"apply": _apply, "merge patch": _merge, "delete": _delete}


@dataclass
class Replay:
    """A recording on a world whose clock stands still between its lines.

    :param before: what SageMaker is made to be before a situation begins.
    :param deeds: what is done for ``did`` lines other than apply, merge patch and delete.
    """

    world: World
    recording: list[Object]
    before: Mapping[str, Callable[[World], None]] = field(default_factory=dict)
    deeds: Mapping[str, Deed] = field(default_factory=dict)

    def run(self) -> dict[str, list[Look]]:
        """Do all of it; gives what was seen in each situation."""
        looks: dict[str, list[Look]] = {}
        recorded, replayed = _Side(), _Side()
        now = 0.0
        for line in self.recording:
            situation = line["situation"]
            if situation not in looks:
                looks[situation] = []
                self._advance(1.0)
                if (prepare := self.before.get(situation)) is not None:
                    prepare(self.world)
                now = line["t"]
            passed, now = line["t"] - now, line["t"]
            self._until(line, passed)
            if "did" in line:
                {**_DEEDS, **self.deeds}[line["did"]](self.world, line)
                continue
            self._rest()
            kind, name = kind_of(line["kind"]), line["name"]
            # Retries follow one another within a second; a deed comes seconds after the last look.
            soon = bool(looks[situation]) and passed < 1
            there = recorded.leveled(kind, name, line["object"], soon=soon)
            here = replayed.leveled(kind, name, self.world.get(kind, name), soon=soon)
            looks[situation].append(Look(f"{line['t']} s: {kind} {name}", there, here))
        return looks

    def _rest(self) -> None:
        """Wait until the controller has seen all changes and has done what is due."""
        self.world.settle()
        self.world.idle()

    def _advance(self, seconds: float) -> None:
        self._rest()
        self.world.advance(seconds)

    def _until(self, line: Object, seconds: float) -> None:
        """Let time pass, and see to it that a change is not early."""
        if seconds <= 0:
            return
        if seconds > QUIET_SECONDS and "object" in line and not self._retried(line):
            kind, name = kind_of(line["kind"]), line["name"]
            self._rest()
            before = self.world.get(kind, name)
            self.world.advance(seconds - 1)
            self._rest()
            assert self.world.get(kind, name) == before, f"{line['situation']}: {kind} {name} changes too early"
            seconds = 1.0
        self._advance(seconds)

    @staticmethod
    def _retried(line: Object) -> bool:
        status = (line["object"] or {}).get("status") or {}
        return any(each["type"] == "ACK.Recoverable" for each in status.get("conditions") or ())
