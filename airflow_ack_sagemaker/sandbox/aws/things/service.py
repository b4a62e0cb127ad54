"""The operations of the API on things: requests in, answers out."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.engine import ACCOUNT
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, invalid, not_found
from airflow_ack_sagemaker.sandbox.aws.listing import created_within, ordered, page
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptedOutcome
from airflow_ack_sagemaker.sandbox.aws.things import endpoints, monitoring
from airflow_ack_sagemaker.sandbox.aws.things.answers import describe
from airflow_ack_sagemaker.sandbox.aws.things.packages import Packages
from airflow_ack_sagemaker.sandbox.aws.things.store import Request, Store, busy, text
from airflow_ack_sagemaker.sandbox.aws.things.thing import Members, Thing
from airflow_ack_sagemaker.sandbox.aws.things.types import TYPES, ThingType, operation_of
from airflow_ack_sagemaker.sandbox.aws.validation import arn_member, fitted, fitted_list
from airflow_ack_sagemaker.sandbox.clock import Clock

_JOBS = frozenset({"TrainingJob", "ProcessingJob", "TransformJob", "HyperParameterTuningJob", "LabelingJob"})
_WITHIN_DOMAIN = ("UserProfile", "Space", "App")


class Things:
    """The things of one region. Methods may be called from one thread at a time."""

    def __init__(self, region: str, clock: Clock, script: Script) -> None:
        self.store = Store(region, clock, script)
        self.packages = Packages(self.store)

    def answer(self, operation: str, request: Request) -> Members:
        """The answer to a request that was checked against the API model. :raises AwsError: a refusal."""
        if operation == "ListMonitoringExecutions":
            return self._monitoring_executions(request)
        found = operation_of(operation)
        if found is None:
            raise invalid(f"{operation} is not served here.")
        verb, type_ = found
        verbs: Mapping[str, Callable[[ThingType, Request], Members]] = {
            "Create": self._create,
            "Describe": self._describe,
            "Update": self._update,
            "Delete": self._delete,
            "Stop": self._stop,
            "Start": self._start,
            "List": self._list,
        }
        return verbs[verb](type_, request)

    def invoke(self, endpoint: str, variant: str | None, component: str | None) -> Members:
        """InvokeEndpoint: which configuration, variant and model answer. :raises AwsError: nothing serves."""
        return endpoints.invoke(self.store, ACCOUNT, endpoint, variant, component)

    # -- create

    def _create(self, type_: ThingType, request: Request) -> Members:
        thing = self._created(type_, request)
        more = {type_.generated: thing.members[type_.generated]} if type_.generated else {}
        if type_.name == "Project":
            more = {"ProjectId": thing.members["ProjectId"]}
        return fitted(f"Create{type_.name}", {arn_member(type_.name): thing.arn, **more})

    def _created(self, type_: ThingType, request: Request) -> Thing:
        store = self.store
        if type_.name == "ModelPackage":
            return self.packages.create(request)
        key = self._key(type_, request)
        name = str(request[type_.identity[-1]])
        if type_.generated:
            key = (f"d-{secrets.token_hex(6)}",)
            request = {**request, type_.generated: key[0]}
        elif (known := store.get(type_.name, *key)) is not None:
            raise type_.taken_error(known.arn, name)
        if type_.name == "Endpoint":
            return endpoints.create(store, request)
        self._check(type_, request)
        shown = "/".join(part for part in key if part)
        thing = store.add(type_, key, shown if type_.name in _WITHIN_DOMAIN else key[0], request)
        thing.name = key[0] if type_.generated else name
        if type_.name == "Project":
            thing.members["ProjectId"] = f"p-{secrets.token_hex(6)}"
        if type_.create is not None:
            self._begin(thing, type_.create, "Create")
        return thing

    def _check(self, type_: ThingType, request: Request) -> None:
        """Refuse what refers to something that is not there. :raises AwsError: the refusal."""
        store = self.store
        if type_.name == "EndpointConfig":
            endpoints.check_config(store, request)
        elif type_.name == "InferenceComponent":
            store.find(TYPES["Endpoint"], request["EndpointName"])
        elif type_.name == "TransformJob":
            store.find(TYPES["Model"], request["ModelName"])
        elif type_.name in _WITHIN_DOMAIN:
            store.find(TYPES["Domain"], request["DomainId"])
        elif type_.name == "MonitoringSchedule":
            monitoring.check_definition(store, request)

    def _begin(self, thing: Thing, phases: tuple[str, str], event: str, members: Members | None = None) -> None:
        """Begin a change as the script says. What names an event (``DeleteFailed``) is said of that event alone."""
        failing = thing.type.kind.failed | thing.type.kind.stopped
        others = [status for status in (*failing, "Failed", "capacity") if not _suits(status, event)]
        called = {thing.name, thing.arn.rpartition("/")[2], str(thing.members.get(thing.type.identity[-1]))}
        names = [(thing.type.name.lower(), name) for name in called]
        outcome = self.store.script.thing(names, passed_over=(*others, "violations", "executionfailed"))
        thing.given = json.loads(outcome.gives) if outcome.gives else thing.given
        status = outcome.status or phases[1]
        if status == "Failed" and status not in failing:
            status = thing.type.failed
        if status == "capacity":
            status = thing.type.failed
            outcome = ScriptedOutcome("Failed", outcome.reason or endpoints.CAPACITY, outcome.seconds, outcome.hold)
        self.store.begin(thing, phases[0], status, outcome, members)

    def _key(self, type_: ThingType, request: Request) -> tuple[str, ...]:
        if type_.generated and type_.generated in request:
            return (str(request[type_.generated]),)
        return text(request, *type_.identity)

    def _found(self, type_: ThingType, request: Request) -> Thing:
        if type_.name == "ModelPackage":
            return self.packages.find(str(request.get("ModelPackageName") or request.get("ModelPackageArn")))
        if type_.name == "ModelPackageGroup":
            return self.packages.group(str(request["ModelPackageGroupName"]))
        return self.store.find(type_, *self._key(type_, request))

    # -- describe and list

    def _describe(self, type_: ThingType, request: Request) -> Members:
        return describe(self.store, self._found(type_, request))

    def _list(self, type_: ThingType, request: Request) -> Members:
        things = self.store.of(type_.name)
        contained = str(request.get("NameContains") or "").lower()
        wanted = request.get("StatusEquals") or request.get("ModelApprovalStatus")
        group = str(request.get("ModelPackageGroupName") or "").rpartition("/")[2]
        rows = []
        for thing in things:
            answer = describe(self.store, thing)
            if type_.name == "ModelPackage" and group != (thing.members.get("ModelPackageGroupName") or ""):
                continue
            if wanted and wanted not in (thing.status, answer.get("ModelApprovalStatus")):
                continue
            if any(request.get(m) not in (None, answer.get(m)) for m in ("DomainId", "EndpointName", "SpaceName")):
                continue
            if contained in thing.name.lower():
                rows.append((thing, {**answer, **_in_lists(thing)}))
        after = {"CreatedAfter": request.get("CreationTimeAfter"), "CreatedBefore": request.get("CreationTimeBefore")}
        rows = created_within(rows, {k: v for k, v in after.items() if v is not None}, lambda row: row[0].created)
        keys: dict[str, Callable[[tuple[Thing, Members]], Any]] = {
            "CreationTime": lambda row: row[0].created,
            "Name": lambda row: row[0].name,
            "LastModifiedTime": lambda row: row[0].modified,
            "Status": lambda row: row[0].status,
        }
        order = {**request, "SortBy": request.get("SortBy") if request.get("SortBy") in keys else "CreationTime"}
        chosen, following = page(ordered(rows, order, keys, "CreationTime"), request)
        return {**fitted_list(f"List{type_.name}s", [row for _, row in chosen]), **following}

    def _monitoring_executions(self, request: Request) -> Members:
        name = request.get("MonitoringScheduleName")
        schedules = [one for one in self.store.of("MonitoringSchedule") if name in (None, one.name)]
        found = [each for one in schedules for each in monitoring.executions(self.store, one)]
        status = request.get("StatusEquals")
        found = [each for each in found if status in (None, each["MonitoringExecutionStatus"])]
        keys: dict[str, Callable[[Members], Any]] = {
            "CreationTime": lambda each: each["CreationTime"],
            "ScheduledTime": lambda each: each["ScheduledTime"],
            "Status": lambda each: each["MonitoringExecutionStatus"],
        }
        chosen, following = page(ordered(found, request, keys, "ScheduledTime"), request)
        return {"MonitoringExecutionSummaries": list(chosen), **following}

    # -- update

    def _update(self, type_: ThingType, request: Request) -> Members:
        if type_.name == "Endpoint":
            thing = endpoints.update(self.store, request)
        elif type_.name == "ModelPackage":
            thing = self.packages.update(request)
        else:
            thing = self._found(type_, request)
            busy(thing, "update")
            if type_.name == "NotebookInstance" and thing.status != "Stopped":
                raise invalid(f"Status ({thing.status}) not in ([Stopped, Failed]). Unable to update {thing.name}.")
            members = {name: value for name, value in request.items() if name not in (*type_.identity, "Tags")}
            thing.modified = self.store.clock.time()
            if type_.update is None:
                thing.members.update(members)
            else:
                self._begin(thing, type_.update, "Update", members)
        return fitted(f"Update{type_.name}", {arn_member(type_.name): thing.arn})

    # -- delete and stop

    def _delete(self, type_: ThingType, request: Request) -> Members:
        store = self.store
        if type_.name == "Endpoint":
            endpoints.delete(store, request)
            return {}
        if type_.name == "ModelPackageGroup":
            self.packages.delete_group(request)
            return {}
        thing = self._found(type_, request)
        if thing.changing and type_.name in _JOBS:
            raise invalid(f"{type_.name} {thing.name} is {thing.status}: it must be stopped first.")
        if type_.delete is not None:
            busy(thing, "delete")
        self._check_unused(thing)
        if type_.delete is None:
            store.remove(thing)
        else:
            thing.modified = store.clock.time()
            self._begin(thing, type_.delete, "Delete")
        return {}

    def _check_unused(self, thing: Thing) -> None:
        """Refuse to delete what others need, where SageMaker does. :raises AwsError: the refusal."""
        if thing.type.identity == ("JobDefinitionName",):
            monitoring.check_definition_unused(self.store, thing)
        elif thing.type.name == "MonitoringSchedule":
            monitoring.check_at_rest(self.store, thing)
        elif thing.type.name == "NotebookInstance" and thing.status == "InService":
            raise invalid(f"Status (InService) not in ([Stopped, Failed]). Unable to delete {thing.name}.")
        elif thing.type.name == "Domain":
            for name in _WITHIN_DOMAIN:
                if any(one.members["DomainId"] == thing.name for one in self.store.of(name)):
                    raise AwsError("ResourceInUse", f"Unable to delete Domain [{thing.name}] because it has a {name}.")

    def _stop(self, type_: ThingType, request: Request) -> Members:
        thing = self._found(type_, request)
        if type_.stop is None:
            raise invalid(f"A {type_.name} cannot be stopped.")
        if type_.name in _JOBS and thing.status != "InProgress":
            raise invalid(f"The request was rejected because the job is in status {thing.status}.")
        thing.modified = self.store.clock.time()
        self.store.begin(thing, *type_.stop)
        return {}

    def _start(self, type_: ThingType, request: Request) -> Members:
        thing = self._found(type_, request)
        if type_.start is None or thing.status != "Stopped":
            raise invalid(f"{type_.name} {thing.name} is {thing.status} and cannot be started.")
        thing.modified = self.store.clock.time()
        self.store.begin(thing, *type_.start)
        return {}

    # -- tags

    def tagged(self, arn: str) -> Thing:
        """The thing with this ARN, for its tags. :raises AwsError: ResourceNotFound."""
        found = self.store.by_arn(arn)
        if found is None:
            raise not_found(f"The resource {arn} does not exist.")
        return found


def _in_lists(thing: Thing) -> Members:
    """What lists tell and descriptions do not, or call otherwise."""
    if thing.type.name == "HyperParameterTuningJob":
        return {"Strategy": thing.members["HyperParameterTuningJobConfig"].get("Strategy")}
    if thing.type.name == "LabelingJob":
        return {"WorkteamArn": thing.members["HumanTaskConfig"].get("WorkteamArn")}
    if thing.type.identity != ("JobDefinitionName",):
        return {}
    given = thing.members.get(f"{thing.type.name.removesuffix('JobDefinition')}JobInput") or {}
    return {
        "MonitoringJobDefinitionName": thing.name,
        "MonitoringJobDefinitionArn": thing.arn,
        "EndpointName": (given.get("EndpointInput") or {}).get("EndpointName", ""),
    }


def _suits(status: str, event: str) -> bool:
    """Whether a status of failure may follow an event: ``Delete_Failed`` says of which, another is no deletion's."""
    named = next((verb for verb in ("Create", "Update", "Delete") if status.startswith(verb)), None)
    return event == named if named else event != "Delete"
