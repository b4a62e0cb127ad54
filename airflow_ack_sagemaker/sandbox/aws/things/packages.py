"""Model package groups and their versions, those that pipelines have registered included."""

from __future__ import annotations

from airflow_ack_sagemaker.sandbox.aws.errors import conflict, invalid
from airflow_ack_sagemaker.sandbox.aws.things.store import Request, Store
from airflow_ack_sagemaker.sandbox.aws.things.thing import Thing
from airflow_ack_sagemaker.sandbox.aws.things.types import TYPES

GROUP, PACKAGE = TYPES["ModelPackageGroup"], TYPES["ModelPackage"]
_CHANGED = ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri", "ModelCard")


class Packages:
    """The versions of one region: numbers are never given twice, and a token makes one version."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._numbers: dict[str, int] = {}
        self._tokens: dict[str, str] = {}

    def find(self, reference: str) -> Thing:
        """A package by ARN or name. :raises AwsError: ValidationException, there is none."""
        arn = reference if reference.startswith("arn:") else self.store.arn(PACKAGE, reference)
        found = self.store.get(PACKAGE.name, arn)
        if found is None:
            raise PACKAGE.missing_error(arn, reference)
        return found

    def create(self, request: Request) -> Thing:
        """CreateModelPackage: a version where a group is named, else a package of its own name.

        :raises AwsError: ValidationException, there is no such group or there is such a package.
        """
        token = str(request.get("ClientToken") or "")
        if token in self._tokens and (known := self.store.get(PACKAGE.name, self._tokens[token])):
            return known
        thing = self._add(request)
        outcome = self.store.script.thing([("modelpackage", thing.name), ("modelpackagegroup", thing.name)])
        self.store.begin(thing, "Pending", outcome.status or "Completed", outcome)
        if token:
            self._tokens[token] = thing.arn
        return thing

    def register(self, request: Request, at: float) -> Thing:
        """The package of a pipeline's step, ready at the step's end. A group that is not there is made for it, which
        pipelines do.

        :param at: epoch seconds.
        :raises AwsError: it names neither group nor package, or there is such a package.
        """
        name = str(request.get("ModelPackageGroupName") or "").rpartition("/")[2]
        if not name and not request.get("ModelPackageName"):
            raise invalid("One of ModelPackageGroupName and ModelPackageName must be given.")
        if name and self.store.get(GROUP.name, name) is None:
            group = self.store.add(GROUP, (name,), name, {GROUP.identity[0]: name})
            self._complete(group, at)
        return self._complete(self._add(request), at)

    def _complete(self, thing: Thing, at: float) -> Thing:
        thing.created = thing.modified = at
        thing.change, thing.status, thing.ended = None, "Completed", at
        return thing

    def _add(self, request: Request) -> Thing:
        reference = request.get("ModelPackageGroupName")
        if reference:
            group = self.group(str(reference)).name
            number = self._numbers[group] = self._numbers.get(group, 0) + 1
            name, arn = group, self.store.arn(PACKAGE, f"{group}/{number}")
            more = {
                "ModelPackageGroupName": group,
                "ModelPackageName": group,
                "ModelPackageVersion": number,
                "ModelApprovalStatus": request.get("ModelApprovalStatus") or "PendingManualApproval",
            }
        else:
            name = str(request.get("ModelPackageName") or "")
            arn, more = self.store.arn(PACKAGE, name), {}
            if self.store.get(PACKAGE.name, arn):
                raise PACKAGE.taken_error(arn, name)
        return self.store.add(PACKAGE, (arn,), name, {**request, **more}, arn)

    def group(self, reference: str) -> Thing:
        """A group by name or ARN. :raises AwsError: ValidationException, there is none."""
        return self.store.find(GROUP, reference.rpartition("/")[2])

    def update(self, request: Request) -> Thing:
        """UpdateModelPackage. :raises AwsError: ValidationException, there is none."""
        thing = self.find(request["ModelPackageArn"])
        thing.members.update({name: request[name] for name in _CHANGED if name in request})
        properties = {**thing.members.get("CustomerMetadataProperties", {})}
        properties |= request.get("CustomerMetadataProperties") or {}
        for name in request.get("CustomerMetadataPropertiesToRemove") or ():
            properties.pop(name, None)
        if properties:
            thing.members["CustomerMetadataProperties"] = properties
        thing.modified = self.store.clock.time()
        return thing

    def delete_group(self, request: Request) -> None:
        """DeleteModelPackageGroup. :raises AwsError: ConflictException, it has versions."""
        group = self.group(request["ModelPackageGroupName"])
        if any(one.members.get("ModelPackageGroupName") == group.name for one in self.store.of(PACKAGE.name)):
            raise conflict(f"ModelPackageGroup {group.name} is not empty.")
        self.store.remove(group)
