"""Scripted outcomes: which steps fail, last longer or are held, and which calls AWS refuses.

A rule is a text ``TARGET[#COUNT]=OUTCOME[:TEXT]``. TARGET is one of

- ``STEP``, or ``PIPELINE/STEP``: a step by its name, in every pipeline or in one; ``STEP-2`` is the third round of a
  step in the body of a ForEach;
- ``*``, or ``PIPELINE/*``: the execution as a whole;
- ``KIND/NAME``: a thing by its ACK kind in small letters and its name, which may have wildcards:
  ``endpoint/abalone``, ``trainingjob/*``; ``endpointconfig/NAME`` speaks of endpoints that are to serve it;
- the name of an API operation (``StartPipelineExecution``, ``GetCallerIdentity``, ...): the call is refused.

OUTCOME is, for a step: ``Failed[:reason]``, ``Succeeded``, ``Stopped``, ``seconds:NUMBER`` (how long it takes, before
the clock's speed is applied), ``hold`` (it runs until it is released, a Callback step until it is answered),
``gives:JSON`` (an object of properties to which expressions may refer, with the property files it writes:
``Evaluate=gives:{"PropertyFiles": {"Report": {"mse": 4}}}``), and for a condition ``True`` or ``False``; for an
execution ``CompletedWithFailures[:reason]``, ``Failed[:reason]``, ``Stopped`` or ``Succeeded``; for an operation an
error code with its message (``ThrottlingException:Rate exceeded``). For a thing it is a status of its kind with a
reason (``featuregroup/users=CreateFailed:why``), ``seconds``, ``hold``, ``gives`` (members of its description),
``capacity[:reason]`` (no instances), and

- for an endpoint ``rollback[:reason]`` (an update fails, the former configuration serves on; a creation fails),
  ``silent`` (the same, and SageMaker gives no reason), ``UpdateRollbackFailed[:reason]``, ``answers:TEXT`` (what
  InvokeEndpoint gives);
- for a monitoring schedule ``violations`` (its executions end as CompletedWithViolations) and
  ``executionfailed[:reason]``.

``#COUNT`` limits a rule to the next COUNT executions (retries of an execution included), changes of a thing, or calls:
``AbaloneTrain#1=Failed`` fails once and never again. Later rules win over earlier ones. An execution keeps the rules
that held when it was started.

A pipeline that declares a parameter named ``SandboxOutcome`` can be scripted at launch: its value is a list of rules
for steps and for ``*``, separated by ``;``.

Over HTTP, on the AWS endpoint: ``GET /_sandbox/script`` answers ``{"rules": [...], "step_seconds": 20.0}``, ``PUT``
replaces what it is given of the two, ``POST`` adds rules, ``DELETE`` forgets all rules. ``POST /_sandbox/release``
lets every step go on that a ``hold`` keeps (``{"PipelineExecutionArn": ...}``: only those of one execution).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from airflow_ack_sagemaker.core.resource.kinds import KINDS
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, scripted

OUTCOME_PARAMETER = "SandboxOutcome"
EXECUTION = "*"
_STEP_OUTCOMES = frozenset({"Failed", "Succeeded", "Stopped", "seconds", "hold", "gives", "True", "False"})
_EXECUTION_OUTCOMES = frozenset({"CompletedWithFailures", "Failed", "Stopped", "Succeeded"})
_ENDPOINT = frozenset({"rollback", "silent", "UpdateRollbackFailed"})
_ANSWERS = "answers"
_THING_OUTCOMES: Mapping[str, frozenset[str]] = {
    kind.singular: kind.succeeded | kind.failed | kind.stopped | {"Failed", "capacity", "seconds", "hold", "gives"}
    for kind in KINDS.values()
    if kind.status_field and not kind.kind.startswith("Pipeline")
}
_THINGS: Mapping[str, frozenset[str]] = {
    **_THING_OUTCOMES,
    "endpoint": _THING_OUTCOMES["endpoint"] | _ENDPOINT | {_ANSWERS},
    "endpointconfig": _THING_OUTCOMES["endpoint"] | _ENDPOINT,
    "monitoringschedule": _THING_OUTCOMES["monitoringschedule"] | {"violations", "executionfailed"},
}
"""The outcomes that things of a kind may have, by the kind in small letters."""
_VERBS = (
    "Create",
    "Update",
    "Describe",
    "Delete",
    "List",
    "Start",
    "Stop",
    "Retry",
    "Get",
    "Add",
    "Send",
    "Search",
    "Invoke",
)


class ScriptError(ValueError):
    """A rule that cannot be read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``count`` is None without a limit; ``pipeline`` None for every pipeline."""

    target: str
    outcome: str
    text: str = ""
    pipeline: str | None = None
    count: int | None = None
    operation: bool = False

    def __str__(self) -> str:
        pipeline = f"{self.pipeline}/" if self.pipeline else ""
        count = "" if self.count is None else f"#{self.count}"
        return f"{pipeline}{self.target}{count}={self.outcome}{f':{self.text}' if self.text else ''}"


def parse_rule(text: str) -> Rule:
    """Read a rule.

    :raises ScriptError: it is none; the message says what one looks like.
    """
    left, equals, right = text.partition("=")
    target, _, limit = left.strip().partition("#")
    outcome, _, detail = right.strip().partition(":")
    pipeline, slash, name = target.rpartition("/")
    if not (equals and name and outcome) or (slash and not pipeline) or (limit and not limit.isdecimal()):
        raise ScriptError(
            f"{text!r} is not a rule. Write STEP=Failed:reason, STEP#1=Failed, *=CompletedWithFailures "
            "or OPERATION=ErrorCode:message."
        )
    operation = outcome not in _STEP_OUTCOMES | _EXECUTION_OUTCOMES and not slash and _is_operation(name)
    rule = Rule(name, outcome, detail, pipeline or None, int(limit) if limit else None, operation)
    if operation:
        return rule
    # Where a pipeline is named like a kind, a rule that suits both speaks of both.
    known = (_EXECUTION_OUTCOMES if name == EXECUTION else _STEP_OUTCOMES) | _THINGS.get(pipeline, frozenset())
    if outcome not in known:
        raise ScriptError(f"{text!r}: {outcome!r} is not an outcome of {name!r}. Known: {', '.join(sorted(known))}.")
    if outcome == "seconds" and not _is_duration(detail):
        raise ScriptError(f"{text!r}: seconds wants a number, as in {name}=seconds:5.")
    if outcome == "gives" and not _is_object(detail):
        raise ScriptError(
            f'{text!r}: gives wants a JSON object, as in {name}=gives:{{"OutputParameters": {{"n": 1}}}}.'
        )
    return rule


def _is_duration(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _concerns(target: str, names: Collection[str]) -> bool:
    """Whether a target is one of these steps, or a round of one."""
    stem, _, index = target.rpartition("-")
    return target in names or (index.isdecimal() and stem in names)


def _is_operation(name: str) -> bool:
    return any(name.startswith(verb) and name[len(verb) : len(verb) + 1].isupper() for verb in _VERBS)


@dataclass(frozen=True, slots=True)
class ScriptedOutcome:
    """What was scripted for one step: ``status`` None leaves it as it comes, ``seconds`` None takes the usual time."""

    status: str | None = None
    reason: str = ""
    seconds: float | None = None
    hold: bool = False
    branch: bool | None = None
    gives: str = ""

    def before(self, general: ScriptedOutcome) -> ScriptedOutcome:
        """This outcome, and where it says nothing, that of a more general rule."""
        return ScriptedOutcome(
            status=self.status or general.status,
            reason=self.reason if self.status else general.reason,
            seconds=general.seconds if self.seconds is None else self.seconds,
            hold=self.hold or general.hold,
            branch=general.branch if self.branch is None else self.branch,
            gives=self.gives or general.gives,
        )

    def with_rule(self, rule: Rule) -> ScriptedOutcome:
        """This outcome, changed by a further rule."""
        if rule.outcome == "seconds":
            return replace(self, seconds=float(rule.text), hold=False)
        if rule.outcome == "hold":
            return replace(self, hold=True)
        if rule.outcome == "gives":
            return replace(self, gives=rule.text)
        if rule.outcome in ("True", "False"):
            return replace(self, branch=rule.outcome == "True")
        return replace(self, status=rule.outcome, reason=rule.text)


class Script:
    """The rules in force, safe for use from several threads.

    :param rules: rules as text.
    :param step_seconds: how long a step takes that no rule speaks of, before the clock's speed is applied.
    :raises ScriptError: a rule cannot be read.
    """

    def __init__(self, rules: Iterable[str] = (), step_seconds: float = 20.0) -> None:
        self.step_seconds = step_seconds
        self._lock = threading.Lock()
        self._rules: list[Rule] = [parse_rule(rule) for rule in rules]

    @property
    def rules(self) -> list[str]:
        """The rules as text; counts are what is left of them."""
        with self._lock:
            return [str(rule) for rule in self._rules]

    def set(self, rules: Iterable[str]) -> None:
        """Replace all rules."""
        parsed = [parse_rule(rule) for rule in rules]
        with self._lock:
            self._rules = parsed

    def add(self, *rules: str) -> None:
        """Add rules behind those that are there."""
        parsed = [parse_rule(rule) for rule in rules]
        with self._lock:
            self._rules.extend(parsed)

    def clear(self) -> None:
        """Forget all rules."""
        self.set(())

    def refusal(self, operation: str) -> AwsError | None:
        """The error with which this call is to be refused; a limited rule is used up by it."""
        with self._lock:
            for index in range(len(self._rules) - 1, -1, -1):
                rule = self._rules[index]
                if rule.operation and rule.target == operation and rule.count != 0:
                    self._use(index)
                    return scripted(rule.outcome, rule.text or f"{operation} was refused by the sandbox's script.")
        return None

    def answer(self, endpoint: str) -> str | None:
        """What an endpoint is to answer to a request; None: nothing was said. A limited rule is used up by it."""
        with self._lock:
            for index in range(len(self._rules) - 1, -1, -1):
                rule = self._rules[index]
                if rule.outcome == _ANSWERS and rule.count != 0 and fnmatchcase(endpoint, rule.target):
                    self._use(index)
                    return rule.text
        return None

    def thing(
        self, names: Collection[tuple[str, str]], passed_over: Collection[str] = (), only: Collection[str] = ()
    ) -> ScriptedOutcome:
        """What holds for a change of a thing that begins now. Limited rules are used up by it.

        :param names: kind and name of what is concerned.
        :param passed_over: outcomes that do not suit this change: their rules are left for another.
        :param only: where given, no other outcomes suit.
        """
        found = ScriptedOutcome()
        with self._lock:
            for index, rule in enumerate(self._rules):
                if rule.operation or rule.count == 0 or rule.outcome == _ANSWERS or rule.outcome in passed_over:
                    continue
                if only and rule.outcome not in only:
                    continue
                if any(rule.pipeline == kind and fnmatchcase(name, rule.target) for kind, name in names):
                    found = found.with_rule(rule)
                    self._use(index)
        return found

    def outcomes(
        self, pipeline: str, steps: Iterable[str], parameters: Mapping[str, str]
    ) -> tuple[tuple[str, ScriptedOutcome], ...]:
        """What holds for an execution that starts now: pairs of step (or ``*``) and outcome. Limited rules are used up
        by it.

        :raises ScriptError: the rules in the execution's own parameter cannot be read.
        """
        own = [parse_rule(text) for text in parameters.get(OUTCOME_PARAMETER, "").split(";") if text.strip()]
        names = {*steps, EXECUTION}
        found: dict[str, ScriptedOutcome] = {}
        with self._lock:
            for index, rule in enumerate(self._rules):
                if (
                    rule.operation
                    or not _concerns(rule.target, names)
                    or rule.pipeline not in (None, pipeline)
                    or rule.count == 0
                ):
                    continue
                found[rule.target] = found.get(rule.target, ScriptedOutcome()).with_rule(rule)
                self._use(index)
        for rule in own:
            if _concerns(rule.target, names):
                found[rule.target] = found.get(rule.target, ScriptedOutcome()).with_rule(rule)
        return tuple(sorted(found.items()))

    def _use(self, index: int) -> None:
        rule = self._rules[index]
        if rule.count is not None:
            self._rules[index] = replace(rule, count=rule.count - 1)
