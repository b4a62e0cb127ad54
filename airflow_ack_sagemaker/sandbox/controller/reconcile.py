"""One look at one resource: what is done in SageMaker and what is written to Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import GROUP
from airflow_ack_sagemaker.sandbox.clock import Clock
from airflow_ack_sagemaker.sandbox.controller.cluster import Conflict
from airflow_ack_sagemaker.sandbox.controller.conditions import (
    EXISTS,
    EXISTS_REASON,
    Conditions,
    Recoverable,
    Refusal,
    Terminal,
    synced,
)
from airflow_ack_sagemaker.sandbox.controller.late import DELAYED, DONE, LATE_SECONDS, UNREADABLE, fill
from airflow_ack_sagemaker.sandbox.controller.manager import REQUEUE_SECONDS, Manager, Resource
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws, Missing

ANNOTATION = "services.k8s.aws/"

Patch = Callable[[Manager, Resource, dict[str, Any], bool], Awaitable[Resource]]
"""Merge-patch a resource (True: its status subresource); gives the new resource."""
Call = Callable[..., Awaitable[Any]]
"""Run a blocking function elsewhere."""


@dataclass(frozen=True, slots=True)
class Again:
    """When to look next: in ``seconds``, or after ``failed`` as the back-off says; neither is never."""

    seconds: float | None = None
    failed: str = ""


def _again(refusal: Refusal) -> Again:
    if isinstance(refusal, Recoverable):
        return Again(seconds=refusal.after, failed=refusal.message)
    return Again()


@dataclass(frozen=True)
class Reconciler:
    """Reconciles single resources."""

    aws: Aws
    account: str
    clock: Clock
    patch: Patch
    call: Call
    policy_of: Callable[[str], Awaitable[str | None]]
    """The deletion policy that a namespace asks for."""

    async def reconcile(self, manager: Manager, resource: Resource, *, renew: bool) -> Again:
        """Look at a resource as it is in Kubernetes.

        :param renew: it was changed since the last look (and not only time that has passed).
        :raises Exception: of botocore when AWS cannot be reached (nothing was written), of lightkube when
            Kubernetes refuses a write.
        """
        old = (resource.get("status") or {}).get("conditions") or []
        look = _Look(self, manager, resource, Conditions(old, self.clock.now(), renew=renew))
        if resource["metadata"].get("deletionTimestamp"):
            return await look.delete()
        return await look.sync()


@dataclass
class _Look:
    on: Reconciler
    manager: Manager
    resource: Resource
    conditions: Conditions
    observed: dict[str, Any] | None = None
    arn: str | None = None
    told: str | None = None
    """The status that an update has left, where nothing else of the status is written."""

    @property
    def finalizer(self) -> str:
        return f"finalizers.{GROUP}/{self.manager.kind}"

    @property
    def managed(self) -> bool:
        return self.finalizer in self.resource["metadata"].get("finalizers", [])

    @property
    def region(self) -> str:
        """The region. :raises RuntimeError: it was changed, which the controller takes for an error of its own."""
        known = (self.resource.get("status") or {}).get("ackResourceMetadata", {}).get("region")
        asked = self.annotation("region")
        if known and asked and asked != known:
            raise RuntimeError(f"Resource already exists in region {known}, but the desired region is {asked}.")
        return str(known or asked or self.on.aws.region)

    def annotation(self, name: str) -> str | None:
        value = self.resource["metadata"].get("annotations", {}).get(ANNOTATION + name)
        return value if value is None else str(value)

    # -- the two ways

    async def sync(self) -> Again:
        refusal: Refusal | None = None
        complete = True
        try:
            await self._sync()
            self._give_up()
            complete = await self._fill_late()
        except Refusal as error:
            refusal = error
            self._give_up()
            self.conditions.refuse(error)
        self.conditions.complete(refusal)
        await self._write_status()
        if refusal is not None:
            return _again(refusal)
        if not complete:
            return Again(LATE_SECONDS)
        whole = self.conditions.get("ACK.ResourceSynced") or {}
        return Again(self.manager.resync if whole["status"] == "True" else REQUEUE_SECONDS)

    async def delete(self) -> Again:
        if not self.managed:
            return Again()
        policy = self.annotation("deletion-policy") or await self.on.policy_of(self.resource["metadata"]["namespace"])
        if policy == "retain" or self.annotation("read-only") == "true":
            await self._set_finalizer(False)
            return Again()
        self.conditions.keep()
        try:
            self.observed = observed = await self._read()
            await self.on.call(self.manager.delete, self.on.aws, self.region, self.resource, observed)
        except Missing:
            pass
        except Refusal as refusal:
            if self.observed is not None:
                # What the deletion has changed is read by now; Ready is left as it was.
                await self._drift(self.observed)
                self._read_synced(self.observed)
                self.conditions.refuse(refusal)
                await self._write_status()
            return _again(refusal)
        await self._set_finalizer(False)
        return Again()

    # -- the steps of a sync

    async def _sync(self) -> None:
        policy = self.annotation("adoption-policy")
        if policy is not None and not self.managed:
            return await self._adopt(policy)
        if self.annotation("read-only") == "true":
            return await self._read_only()
        try:
            observed = await self._read()
        except Missing:
            return await self._create()
        # Even of what is not ours the status tells: an ARN does not say that a resource is managed, the finalizer does.
        self.observed = observed
        if not self.managed:
            raise Terminal(EXISTS, reason=EXISTS_REASON)
        await self._update()
        return None

    async def _read(self) -> dict[str, Any]:
        observed: dict[str, Any] = await self.on.call(self.manager.read, self.on.aws, self.region, self.resource)
        self._read_synced(observed)
        return observed

    def _read_synced(self, observed: dict[str, Any]) -> None:
        if (condition := self.manager.synced(observed)) is not None:
            self.conditions.set(condition)

    async def _create(self) -> None:
        if not self.managed:
            await self._set_finalizer(True)
        try:
            self.arn = await self.on.call(self.manager.create, self.on.aws, self.region, self.resource)
        except Recoverable:
            # Nothing exists in AWS that a deletion would have to clean up.
            await self._set_finalizer(False)
            raise
        self.resource.setdefault("status", {})["ackResourceMetadata"] = self._metadata(self.arn)
        self.observed = await self._read()

    async def _update(self) -> None:
        observed = self.observed
        assert observed is not None
        if self.manager.differs(self.on.aws, self.resource["spec"], observed):
            done = await self.on.call(self.manager.update, self.on.aws, self.region, self.resource, observed)
            self.observed, self.told = done.observed, done.told
            self._read_synced(done.observed)
            self.conditions.renew()
            annotations = self.resource["metadata"].get("annotations") or {}
            if not done.annotations.items() <= annotations.items():
                await self._patch({"metadata": {"annotations": done.annotations}})

    def _give_up(self) -> None:
        """Say that it is terminal, where SageMaker's status is one that the controller does not come back from."""
        status = None if self.observed is None else self.manager.said(self.observed)
        if status in self.manager.gives_up and self.managed:
            message = f"{self.manager.kind} status reached terminal state: {status}. Check the FailureReason."
            self.conditions.set({"type": "ACK.Terminal", "status": "True", "message": message})

    async def _fill_late(self) -> bool:
        """Fill SageMaker's defaults into the spec; gives False where SageMaker does not tell of all of them yet."""
        if not self.manager.late or self.observed is None:
            return True
        if self.manager.by_arn and self.annotation("adopted") == "true":
            self.conditions.set(synced("False"))
            self.conditions.set(UNREADABLE)
            return True
        patch, complete = fill(self.resource["spec"], self.manager.adopted_spec(self.observed), self.manager.late)
        if patch:
            await self._patch({"spec": patch})
        if complete:
            self.conditions.set(DONE)
        else:
            self.conditions.set(synced("False"))
            self.conditions.set(DELAYED)
            self.conditions.renew()
        return complete

    async def _drift(self, observed: dict[str, Any]) -> None:
        """Write what SageMaker has into the spec of what is being deleted."""
        patch = self.manager.drifted_spec(self.on.aws, self.resource["spec"], observed)
        if patch:
            await self._patch({"spec": patch})

    async def _patch(self, body: dict[str, Any]) -> None:
        """Patch the resource, and keep what this look knows of its status."""
        status = self.resource.get("status")
        version = self.resource["metadata"]["resourceVersion"]
        body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": version}}
        self.resource = await self.on.patch(self.manager, self.resource, body, False)
        if status is not None:
            self.resource["status"] = status

    async def _adopt(self, policy: str) -> None:
        fields = self._adoption_fields()
        # The fields say what to look for, in place of the spec.
        wanted = {
            **self.resource,
            "spec": {**self.resource.get("spec", {}), **{k: v for k, v in fields.items() if k != "arn"}},
        }
        if "arn" in fields:
            wanted["status"] = {"ackResourceMetadata": {"arn": fields["arn"]}}
        try:
            observed = await self.on.call(self.manager.read, self.on.aws, self.region, wanted)
        except Missing:
            if policy == "adopt-or-create":
                return await self._create()
            raise Recoverable("Adopted resource not found") from None
        patch: dict[str, Any] = {
            "metadata": {
                "resourceVersion": self.resource["metadata"]["resourceVersion"],
                "annotations": {ANNOTATION + "adopted": "true"},
                "finalizers": [*self.resource["metadata"].get("finalizers", []), self.finalizer],
            }
        }
        if policy == "adopt":
            patch["spec"] = self.manager.adopted_spec(observed)
        self.resource = await self.on.patch(self.manager, self.resource, patch, False)
        self.observed = observed
        self._read_synced(observed)
        self.arn = self.manager.arn(self.on.aws, observed)
        if policy == "adopt-or-create":
            await self._update()
        return None

    async def _read_only(self) -> None:
        try:
            self.observed = await self._read()
        except Missing:
            raise Recoverable("Read-only resource not found") from None
        spec = self.manager.adopted_spec(self.observed)
        if not self.managed:
            await self._set_finalizer(True)
        if any(self.resource["spec"].get(name) != value for name, value in spec.items()):
            self.resource = await self.on.patch(self.manager, self.resource, {"spec": spec}, False)

    def _adoption_fields(self) -> dict[str, str]:
        text = self.annotation("adoption-fields") or "{}"
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise Terminal(f"{ANNOTATION}adoption-fields is no JSON object: {text}")
        return fields

    # -- writes

    async def _set_finalizer(self, present: bool) -> None:
        finalizers = [f for f in self.resource["metadata"].get("finalizers", []) if f != self.finalizer]
        if present:
            finalizers.append(self.finalizer)
        await self._patch({"metadata": {"finalizers": finalizers}})

    def _metadata(self, arn: str | None) -> dict[str, Any]:
        metadata = {"ownerAccountID": self.on.account, "partition": "aws", "region": self.region}
        return {"arn": arn, **metadata} if arn else metadata

    async def _write_status(self) -> None:
        """Write what differs from the status that was read.

        The patch carries the version that was read, so a resource that was changed meanwhile is looked at again
        instead of being told that it is synced.
        """
        old = self.resource.get("status") or {}
        arn = self.arn or old.get("ackResourceMetadata", {}).get("arn")
        if self.observed is not None:
            arn = self.manager.arn(self.on.aws, self.observed)
        new: dict[str, Any] = {"ackResourceMetadata": self._metadata(arn)}
        if self.told is not None:
            new[str(self.manager.kind.status_field)] = self.told
        elif self.observed is not None:
            new |= self.manager.status(self.observed)
        new["conditions"] = self.conditions.as_list()
        known = {name: value for name, value in old.items() if self.arn is None}
        patch = {name: value for name, value in new.items() if known.get(name) != value}
        if not patch:
            return
        body = {"metadata": {"resourceVersion": self.resource["metadata"]["resourceVersion"]}, "status": patch}
        try:
            self.resource = await self.on.patch(self.manager, self.resource, body, True)
        except Conflict:
            if self.arn is not None:
                # Something was just started. Losing its ARN would start it again, so that alone is saved, and
                # conditions are not touched.
                arn_only = {"status": {"ackResourceMetadata": new["ackResourceMetadata"]}}
                await self.on.patch(self.manager, self.resource, arn_only, True)
            raise
