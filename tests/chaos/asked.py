"""What was asked for, run by run, while everything could be edited; and what SageMaker has really run.

A run is asked for when it is started, and anew each time that a person clears it or makes it again. Each time it must
have one execution (a batch: one for each of its members) with the definition and the parameters that were asked for
then.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.definition.digest import digest_of
from tests.chaos.ledger import Ledger, Run
from tests.chaos.things import Things
from tests.chaos.world import World, new_run_id

_SLACK = 2.0
"""Seconds: SageMaker's times have their own rounding."""
_SET_ASIDE = re.compile(r"It may run another's definition: deleting pipelineexecution/([a-z0-9.-]+)")
_GONE = frozenset({"Stopped", "Stopping"})
_STAGING = "the task now asks for"
_LIST = "executions has changed since an earlier try of this run"


@dataclass(frozen=True)
class Asking:
    """One time that a run was asked for: when, and the number in its conf."""

    at: float
    number: int


@dataclass(eq=False)
class Asked:
    """A run, and each time that it was asked for."""

    run: Run
    group: str
    own: bool
    """Whether it applies a definition of its own."""
    launch: str
    """Id of the task that launches."""
    members: int = 1
    times: list[Asking] = field(default_factory=list)

    @property
    def expected(self) -> int:
        """Executions that it must have."""
        return self.members * len(self.times)

    @property
    def made_at(self) -> float:
        """When it was started, or made again, for the last time; a clear is no such time."""
        return next(time.at for time in self.times if time.number == self.times[-1].number)


@dataclass(frozen=True)
class Execution:
    """An execution as SageMaker has it."""

    arn: str
    name: str
    status: str
    started: float
    parameters: dict[str, str]
    definition: str

    @property
    def date(self) -> str:
        """For which run its definition was."""
        return self._environment["DATE"]

    @property
    def revision(self) -> int:
        """Which revision of it."""
        return int(self._environment["REVISION"])

    @property
    def _environment(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.definition)["Steps"][0]["Arguments"]["Environment"]
        return found


@dataclass
class EditedAudit:
    """What the comparison has found. ``problems`` are sentences, each of which breaks the promise."""

    runs: int = 0
    asked: int = 0
    """Times that a run was asked for: started, cleared, made again."""
    expected: int = 0
    """Executions that were asked for."""
    executions: int = 0
    """Executions with the definition that was asked for."""
    others: int = 0
    """Executions beside them that began with another's definition, and were stopped and never reported."""
    unproven: int = 0
    """Executions beside them that were stopped, since SageMaker could not be asked what they run."""
    too_many: int = 0
    missing: int = 0
    wrong_definition: int = 0
    wrong_parameters: int = 0
    untrue: int = 0
    refused: int = 0
    """Runs that ended with an error that names the edit which made another run of them."""
    tries: int = 0
    problems: list[str] = field(default_factory=list)


class Book:
    """Starts runs, lets people ask for them anew, and compares them with SageMaker's own lists."""

    def __init__(self, world: World, things: Things) -> None:
        self._world = world
        self._things = things
        self._ledger = Ledger(world)
        self._known: dict[str, tuple[dict[str, str], str]] = {}
        self.asked: list[Asked] = []

    @property
    def ledger(self) -> Ledger:
        """The states of runs, and waiting for their ends."""
        return self._ledger

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return [asked.run for asked in self.asked]

    # Asking

    def plan(self, kind: str, group: str) -> Asked:
        """A run that is not started yet.

        :param kind: the DAG's id after ``edited_``.
        """
        batch, own = kind == "batch", not kind.startswith("plain")
        run = Run(f"edited_{kind}", new_run_id("run"), group)
        launch = "retraining.execution" if own and not batch else "launch"
        asked = Asked(run, group, own, launch, members=3 if batch else 1)
        self.asked.append(asked)
        return asked

    def start(self, asked: Asked) -> None:
        """Start it, or make it again."""
        number = asked.times[-1].number + 1 if asked.times else 1
        asked.times.append(Asking(time.time(), number))
        self._ledger.unpause(asked.run.dag_id)
        conf = {"group": asked.group, "asked": str(number)}
        self._world.api.trigger(asked.run.dag_id, conf, asked.run.run_id)

    def make_again(self, asked: Asked) -> None:
        """Delete it, and start a run of the same id."""
        api, run = self._world.api, asked.run
        if self._ledger.states([run]).get(run) == "running":
            api.mark_run(run.dag_id, run.run_id, "failed")  # Airflow deletes none that runs
        api.delete_run(run.dag_id, run.run_id)
        self.start(asked)

    def clear(self, asked: Asked, *, whole: bool) -> None:
        """Clear what launches, or the whole run."""
        before = [self._before(asked)] if asked.own else []
        asked.times.append(Asking(time.time(), asked.times[-1].number))
        self._world.api.clear(asked.run.dag_id, asked.run.run_id, [*(before if whole else []), asked.launch])

    def has_launched(self, asked: Asked) -> bool:
        """Whether all that was asked for so far was launched, and is beyond doubt: then a person may ask anew."""
        found = [one for one in self.executions(asked) if not self._is_another(asked, one)]
        return len(found) == asked.expected

    # What SageMaker has

    def executions(self, asked: Asked) -> list[Execution]:
        """All executions of a run, oldest first, on whichever pipeline."""
        things, found = self._things, []
        for pipeline in (things.homes[asked.group], things.stagings[asked.group]):
            for summary in self._world.executions(pipeline):
                arn = summary["PipelineExecutionArn"]
                if arn not in self._known:
                    self._known[arn] = (self._world.parameters_of(arn), self._world.definition_of(arn))
                parameters, definition = self._known[arn]
                if parameters["Run"] == asked.run.run_id:
                    name, status = summary["PipelineExecutionDisplayName"], summary["PipelineExecutionStatus"]
                    started = summary["StartTime"].timestamp()
                    found.append(Execution(arn, name, status, started, parameters, definition))
        return sorted(found, key=lambda one: one.started)

    def running(self) -> int:
        """How many executions have not ended."""
        pipelines = [*self._things.homes.values(), *self._things.stagings.values()]
        found = [summary for pipeline in pipelines for summary in self._world.executions(pipeline)]
        return sum(summary["PipelineExecutionStatus"] in ("Executing", "Stopping") for summary in found)

    @staticmethod
    def _is_another(asked: Asked, execution: Execution) -> bool:
        return asked.own and execution.date != asked.run.run_id

    # The comparison

    def audit(self, some: Iterable[Asked] | None = None) -> EditedAudit:
        """Compare all runs, or some."""
        audit = EditedAudit()
        states = self._ledger.states(self.runs)
        for asked in self.asked if some is None else some:
            self._compare(audit, asked, states.get(asked.run, "missing"))
        return audit

    def _compare(self, audit: EditedAudit, asked: Asked, state: str) -> None:
        problems: list[str] = []
        log = self._log(asked)
        set_aside = set(_SET_ASIDE.findall(log))
        executions = self.executions(asked)
        others = [one for one in executions if self._is_another(asked, one)]
        unproven = [one for one in executions if one.name in set_aside and one not in others and one.status in _GONE]
        mine = [one for one in executions if one not in others and one not in unproven]
        instance = self._world.api.task_instance(asked.run.dag_id, asked.run.run_id, asked.launch)
        refusal = self._refusal(asked, log) if state == "failed" else None
        audit.runs += 1
        audit.asked += len(asked.times)
        audit.expected += asked.expected if refusal is None else len(mine)
        audit.executions += len(mine)
        audit.others += len(others)
        audit.unproven += len(unproven)
        audit.tries += instance["try_number"]
        audit.refused += refusal is not None
        surplus = len(mine) - asked.expected
        audit.too_many += max(surplus, 0)
        if surplus > 0:
            problems.append(f"{surplus} executions too many")
        if surplus < 0 and refusal is None:
            audit.missing += -surplus
            problems.append(f"{-surplus} executions are missing")
        for one in mine:
            if said := self._differs(asked, mine, one):
                audit.wrong_parameters += 1
                problems.append(f"{one.name} {said}")
        if state == "success":
            self._compare_reported(audit, asked, mine, problems)
        elif refusal is None:
            audit.untrue += 1
            problems.append("it failed, and no edit explains it")
        if problems:
            seen = [(one.name, one.status, one.date, one.parameters) for one in executions]
            audit.problems.append(
                f"{asked.run.dag_id} {asked.run.run_id} (asked for {len(asked.times)} times): {state} after "
                f"{instance['try_number']} tries: {'; '.join(problems)}. SageMaker has {seen}. Set aside: {set_aside}"
            )

    def _differs(self, asked: Asked, mine: list[Execution], one: Execution) -> str | None:
        """What of an execution nobody has asked for; None: all of it was."""
        things, place = self._things, mine.index(one) // asked.members
        asking = asked.times[min(place, len(asked.times) - 1)]
        first, last = asking.at - _SLACK, one.started + _SLACK
        made = next(item.at for item in asked.times if item.number == asking.number) - _SLACK
        allowed: dict[str, set[str]] = {"Run": {asked.run.run_id}, "Asked": {str(asking.number)}}
        if asked.members > 1:
            allowed["Member"] = {member for members in things.members.between(first, last) for member in members}
        else:
            allowed["Rounds"] = {str(value) for value in things.rounds.between(first, last)}
            allowed["Shop"] = set(things.shop.between(first, last))
        for name, values in allowed.items():
            if (value := one.parameters.get(name)) not in values:
                return f"ran with {name}={value!r}, asked for was one of {sorted(values)}"
        if asked.own and one.revision not in things.revisions[asked.group].between(made, last):
            return f"ran revision {one.revision} of its definition"
        return None

    def _compare_reported(self, audit: EditedAudit, asked: Asked, mine: list[Execution], problems: list[str]) -> None:
        result = self._world.api.xcom(asked.run.dag_id, asked.run.run_id, asked.launch)
        results: list[Any] = result if isinstance(result, list) else [result]
        by_arn = {one.arn: one for one in mine[-asked.members :]}
        if len(results) != asked.members or len({item and item["arn"] for item in results}) != asked.members:
            audit.untrue += 1
            problems.append(f"it reports {results}")
            return
        for item in results:
            one = by_arn.get(item["arn"])
            if one is None or one.status != "Succeeded" or item["status"] != "Succeeded":
                audit.untrue += 1
                problems.append(f"it reports {item['arn']} as {item['status']}")
                continue
            if {name: one.parameters.get(name) for name in item["parameters"]} != item["parameters"]:
                audit.wrong_parameters += 1
                problems.append(f"it reports {item['parameters']} of {one.name}")
            # One without a definition of its own says which one the Pipeline had when it was launched.
            if asked.own and item["definition_sha256"] != digest_of(one.definition):
                audit.wrong_definition += 1
                problems.append(f"it reports the definition {item['definition_sha256']} of {one.name}")
        if asked.own:
            applied = self._world.api.xcom(asked.run.dag_id, asked.run.run_id, self._before(asked))
            ran = {digest_of(one.definition) for one in by_arn.values()}
            if ran != {applied["definition_sha256"]}:
                audit.wrong_definition += 1
                problems.append(f"it has applied {applied['definition_sha256']}, and ran {ran}")

    @staticmethod
    def _before(asked: Asked) -> str:
        return asked.launch.replace("execution", "pipeline") if "." in asked.launch else "pipeline"

    def _refusal(self, asked: Asked, log: str) -> str | None:
        """Which edit has made another run of this one, as the task itself says; None: none that has happened."""
        first = asked.made_at - _SLACK
        moved = len(set(self._things.pipelines[asked.group].between(first, time.time()))) > 1
        replaced = len({tuple(sorted(list_)) for list_ in self._things.members.between(first, time.time())}) > 1
        if moved and _STAGING in log:
            return _STAGING
        if asked.members > 1 and replaced and _LIST in log:
            return _LIST
        return None

    def _log(self, asked: Asked) -> str:
        """What all tries have logged, in whichever process."""
        folder = self._world.fleet.home / "logs" / f"dag_id={asked.run.dag_id}" / f"run_id={asked.run.run_id}"
        texts = [file.read_text(errors="replace") for file in sorted(folder.rglob("*")) if file.is_file()]
        return "\n".join(texts)
