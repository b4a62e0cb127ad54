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
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, Kind, kind_of
from harness.waiting import HUNG, wait_until
from tests.contract.servers import APPLY, MERGE
from tests.sandbox.history import History
from tests.sandbox.world import Object, World

RECORDINGS = Path(__file__).parent / "recordings"
QUIET_SECONDS = 2.0
"""A wait that is longer is one of the controller's: nothing must change until a second before its end, and something
must until a second after it."""
STEP_SECONDS = 0.5
PASSING_SECONDS = 1.0
"""A state that another follows within this time was seen in passing: the replay only passes through it, too."""

Deed = Callable[[World, Object], None]
"""What is done for a line of a recording."""

_WORDS = re.compile(r"(?<=ValidationException: ).*", re.DOTALL)
_IDENTITY = re.compile(r"(?<=RequestID: )[0-9a-f-]*(?=,)|(?<=/execution/)[a-z0-9]{12}|(?<=:processing-job/)[a-z0-9-]+")
_TIMES = frozenset({"creationTime", "lastModifiedTime", "scheduledTime"})


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
            "status": _text({key: value for key, value in status.items() if key != "conditions"}),
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
        return {key: "a time" if key in _TIMES else _text(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_text(member) for member in value]
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
        with History(self.world.server, self.world.namespace, self.world.kinds) as history:
            return _Run(self, history).run()


@dataclass
class _Run:
    """A replay on its way. ``_acted`` is how many seconds before its last look the controller may have acted."""

    of: Replay
    history: History
    recorded: _Side = field(default_factory=_Side)
    replayed: _Side = field(default_factory=_Side)
    last: dict[tuple[str, str], Object | None] = field(default_factory=dict)
    passed_through: dict[tuple[str, str], int] = field(default_factory=dict)
    deed: float = 0.0
    _acted: float = 0.0

    @property
    def world(self) -> World:
        return self.of.world

    def run(self) -> dict[str, list[Look]]:
        looks: dict[str, list[Look]] = {}
        now = 0.0
        for position, line in enumerate(self.of.recording):
            situation = line["situation"]
            if situation not in looks:
                looks[situation] = []
                self._advance(1.0)
                if (prepare := self.of.before.get(situation)) is not None:
                    prepare(self.world)
                now = self.deed = line["t"]
            passed, now = line["t"] - now, line["t"]
            self._until(line, passed)
            if "did" in line:
                {**_DEEDS, **self.of.deeds}[line["did"]](self.world, line)
                self.deed = now
                continue
            self._rest()
            # Retries follow one another at times of their own; a deed comes seconds after the last look, but how long
            # after the last one of another situation is not recorded.
            soon = (passed < 1 or _retried(line["object"])) if looks[situation] else self._same_second(line)
            looks[situation].append(self._look(line, soon=soon, passing=self._in_passing(position)))
            self._acted = now - self.deed if now - self.deed < QUIET_SECONDS else 0.0
        return looks

    def _look(self, line: Object, *, soon: bool, passing: bool) -> Look:
        kind, name = kind_of(line["kind"]), line["name"]
        key = (kind.kind, name)
        there = self.recorded.leveled(kind, name, line["object"], soon=soon)
        before = dict(self.replayed.times.get(kind, {}))
        found = self.world.get(kind, name)
        self._told_of(kind, name, found)
        here = self.replayed.leveled(kind, name, found, soon=soon)
        if passing and here != there:
            states = self.history.of(kind, name)
            for position in range(self.passed_through.get(key, 0), len(states)):
                self.replayed.times[kind] = dict(before)
                seen = self.replayed.leveled(kind, name, states[position], soon=soon)
                if seen == there:
                    here, self.passed_through[key] = seen, position
                    break
        else:
            self.passed_through[key] = len(self.history.of(kind, name))
        self.last[key] = line["object"]
        return Look(f"{line['t']} s: {kind} {name}", there, here)

    def _told_of(self, kind: Kind, name: str, found: Object) -> None:
        """Wait until the history has a state, too: its watch tells of it a moment later."""

        def told() -> bool:
            states = self.history.of(kind, name)
            if not found:
                return not states or states[-1] is None
            version = found["metadata"]["resourceVersion"]
            return any(state["metadata"]["resourceVersion"] == version for state in states if state)

        wait_until(told, HUNG, f"the history of {kind} {name}", every=0.01)

    def _same_second(self, line: Object) -> bool:
        """Whether the times of two situations cannot be compared: conditions bear the time that they had in the one
        before, though something was done since; or the object was not looked at in that one, and had looks of the
        controller in between that nobody has recorded. (The real controller renews times at some of these.)
        """
        order = situations(self.of.recording)
        position = order.index(line["situation"])
        same = [each for each in self.of.recording if each.get("name") == line["name"]]
        if position and not any(each["situation"] == order[position - 1] for each in same):
            return True
        before = self.recorded.times.get(kind_of(line["kind"]), {}).get(line["name"], {})
        now = ((line["object"] or {}).get("status") or {}).get("conditions") or ()
        return any(each.get("lastTransitionTime") == before.get(each["type"], "") for each in now)

    def _in_passing(self, position: int) -> bool:
        """Whether the same object looks otherwise within a second, with nothing done to it in between."""
        line = self.of.recording[position]
        for later in self.of.recording[position + 1 :]:
            if later["situation"] != line["situation"] or later["t"] - line["t"] > PASSING_SECONDS:
                return False
            if (later.get("kind"), later.get("name")) == (line["kind"], line["name"]):
                return "did" not in later
        return False

    def _shortest_wait(self, line: Object) -> float:
        """The shortest wait between two looks at an object in a situation: a busy controller is late at times."""
        same = [each for each in self.of.recording if each["situation"] == line["situation"]]
        looks: list[float] = [
            each["t"] for each in same if each.get("name") == line["name"] and each["kind"] == line["kind"]
        ]
        return min(later - look for look, later in pairwise(looks) if later - look > QUIET_SECONDS)

    def _rest(self, *kinds: Kind) -> None:
        """Wait until the controller has seen all changes, or those of these kinds, and has done what is due."""
        self.world.settle(*kinds)
        self.world.idle()

    def _advance(self, seconds: float) -> None:
        self._rest()
        self.world.advance(seconds)
        self._rest()

    def _until(self, line: Object, seconds: float) -> None:
        """Let time pass, and see to it that a change comes neither early nor late."""
        if seconds <= 0:
            return
        key = (line.get("kind", ""), line.get("name", ""))
        waits = seconds > QUIET_SECONDS and "object" in line
        if not waits or _retried(line["object"]) or _retried(self.last.get(key)):
            self._advance(seconds)
            return
        kind, name = kind_of(line["kind"]), line["name"]
        self._rest()
        before = self.world.get(kind, name)
        # Of the others it is enough to know once the time is over.
        quiet = max(0.0, min(seconds, self._shortest_wait(line)) - 1 - self._acted)
        self.world.advance(quiet)
        self._rest(kind)
        assert self.world.get(kind, name) == before, f"{line['situation']}: {kind} {name} changes too early"
        passed = quiet
        while passed < seconds + 1 and self.world.get(kind, name) == before:
            self.world.clock.advance(STEP_SECONDS)
            self._rest(kind)
            passed += STEP_SECONDS


def _retried(found: Object | None) -> bool:
    """Whether the controller tries again after a refusal, at times that depend on how long each try takes."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or ()
    synced = {each["status"] for each in conditions if each["type"] == "ACK.ResourceSynced"}
    return synced == {"Unknown"} and any(each["type"] == "ACK.Recoverable" for each in conditions)
