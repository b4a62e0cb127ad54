"""All things of one account and region: made, described, changed and deleted as the API does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.engine import ACCOUNT
from airflow_ack_sagemaker.sandbox.aws.errors import invalid
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptedOutcome
from airflow_ack_sagemaker.sandbox.aws.things.thing import Change, Members, Thing
from airflow_ack_sagemaker.sandbox.aws.things.types import TYPES, ThingType
from airflow_ack_sagemaker.sandbox.clock import Clock

Request = Mapping[str, Any]
Key = tuple[str, ...]


class Store:
    """The things of one region. It knows nothing of what is special about a type."""

    def __init__(self, region: str, clock: Clock, script: Script) -> None:
        self.region = region
        self.clock = clock
        self.script = script
        self._all: dict[str, dict[Key, Thing]] = {name: {} for name in TYPES}

    # -- finding

    def arn(self, type_: ThingType, name: str) -> str:
        """The ARN of a thing with this name. SageMaker writes names in ARNs in small letters."""
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:{type_.arn}/{name.lower()}"

    def of(self, type_: str) -> list[Thing]:
        """All things of a type as they are now, in the order in which they were made."""
        things = self._all[type_]
        now = self.clock.time()
        for key, thing in list(things.items()):
            thing.settle(now)
            if thing.gone:
                del things[key]
        return list(things.values())

    def get(self, type_: str, *key: str) -> Thing | None:
        """The thing with this key; None where there is none."""
        thing = self._all[type_].get(key)
        if thing is not None:
            thing.settle(self.clock.time())
            if thing.gone:
                del self._all[type_][key]
                return None
        return thing

    def find(self, type_: ThingType, *key: str) -> Thing:
        """The thing with this key. :raises AwsError: there is none; the type says how that is told."""
        found = self.get(type_.name, *key)
        if found is None:
            name = "/".join(part for part in key if part)
            raise type_.missing_error(self.arn(type_, name), name)
        return found

    def by_arn(self, arn: str) -> Thing | None:
        """The thing with this ARN."""
        word = arn.partition("/")[0].rpartition(":")[2]
        for type_ in TYPES.values():
            if type_.arn == word:
                return next((thing for thing in self.of(type_.name) if thing.arn == arn), None)
        return None

    def __iter__(self) -> Iterator[Thing]:
        for name in TYPES:
            yield from self.of(name)

    # -- changing

    def add(self, type_: ThingType, key: Key, name: str, request: Request, arn: str = "") -> Thing:
        """A new thing, in the status that a thing of its type is in at once."""
        now = self.clock.time()
        members = {member: value for member, value in request.items() if member not in ("Tags", "ClientToken")}
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        thing = Thing(type_, name, arn or self.arn(type_, name), members, now, now, tags)
        self._all[type_.name][key] = thing
        if type_.create is not None:
            self.begin(thing, *type_.create)
        return thing

    def remove(self, thing: Thing) -> None:
        """Forget a thing."""
        things = self._all[thing.type.name]
        del things[next(key for key, one in things.items() if one is thing)]

    def begin(
        self,
        thing: Thing,
        during: str,
        status: str,
        outcome: ScriptedOutcome | None = None,
        members: Members | None = None,
    ) -> None:
        """Begin a change: it takes as long as a step of a pipeline, or as the script says.

        :param during: the status until then.
        """
        outcome = outcome or ScriptedOutcome()
        now = self.clock.time()
        seconds = self.script.step_seconds if outcome.seconds is None else outcome.seconds
        until = None if outcome.hold else now + self.clock.shortened(seconds)
        thing.status = during
        thing.change = Change(now, until, status, outcome.reason, members or {})

    def release(self, arn: str | None) -> int:
        """Let held changes be done, of one thing or of all; gives their number."""
        now = self.clock.time()
        return sum(thing.go_on(now) for thing in self if arn in (None, thing.arn))


def text(request: Request, *members: str) -> Key:
    """The values of members as a key; "" for one that is not given."""
    return tuple(str(request.get(member) or "") for member in members)


def busy(thing: Thing, what: str) -> None:
    """Refuse to change a thing that is changing. :raises AwsError: ValidationException."""
    if thing.changing:
        raise invalid(f'Cannot {what} in-progress {thing.type.name} "{thing.arn}": it is {thing.status}.')
