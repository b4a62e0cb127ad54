"""One look at one resource: what is done in SageMaker and what is written to Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import GROUP
from airflow_ack_sagemaker.sandbox.clock import Clock
from airflow_ack_sagemaker.sandbox.controller.cluster import Conflict
from airflow_ack_sagemaker.sandbox.controller.conditions import (
    EXISTS,
    EXISTS_REASON,
    NOT_SYNCED,
    TERMINAL_REASON,
    UNKNOWN,
    Condition,
    Recoverable,
    Terminal,
    complete,
    recoverable,
    synced,
    terminal,
)
from airflow_ack_sagemaker.sandbox.controller.kinds import Manager
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws, Missing

ANNOTATION = "services.k8s.aws/"
REQUEUE_SECONDS = 30.0
"""When a resource that is not synced is looked at again."""

Resource = dict[str, Any]
Patch = Callable[[Manager, Resource, dict[str, Any], bool], Awaitable[Resource]]
"""Merge-patch a resource (True: its status subresource); gives the new resource."""
Call = Callable[..., Awaitable[Any]]
"""Run a blocking function elsewhere."""


@dataclass(frozen=True, slots=True)
class Again:
    """When to look next: in ``seconds``, or after ``failed`` as the back-off says; neither is never."""

    seconds: float | None = None
    failed: str = ""


@dataclass(frozen=True)
class Reconciler:
    """Reconciles single resources."""

    aws: Aws
    account: str
    clock: Clock
    patch: Patch
    call: Call

    async def reconcile(self, manager: Manager, resource: Resource, *, renew: bool) -> Again:
        """Look at a resource as it is in Kubernetes.

        :param renew: it was changed since the last look (and not only time that has passed).
        :raises Exception: of botocore when AWS cannot be reached (nothing was written), of lightkube when
            Kubernetes refuses a write.
        """
        look = _Look(self, manager, resource, renew)
        if resource["metadata"].get("deletionTimestamp"):
            return await look.delete()
        return await look.sync()


@dataclass
class _Look:
    on: Reconciler
    manager: Manager
    resource: Resource
    renew: bool
    observed: dict[str, Any] | None = None
    arn: str | None = None
    conditions: list[Condition] = field(default_factory=list)

    @property
    def finalizer(self) -> str:
        return f"finalizers.{GROUP}/{self.manager.kind}"

    @property
    def managed(self) -> bool:
        return self.finalizer in self.resource["metadata"].get("finalizers", [])

    @property
    def region(self) -> str:
        known = (self.resource.get("status") or {}).get("ackResourceMetadata", {}).get("region")
        return str(known or self.annotation("region") or self.on.aws.region)

    def annotation(self, name: str) -> str | None:
        value = self.resource["metadata"].get("annotations", {}).get(ANNOTATION + name)
        return value if value is None else str(value)

    # -- the two ways

    async def sync(self) -> Again:
        try:
            await self._sync()
        except Terminal as error:
            self.conditions = [terminal(error), synced("False", NOT_SYNCED, TERMINAL_REASON)]
            await self._write_status()
            return Again()
        except Recoverable as error:
            # What could be read decides whether it is synced; that an update failed is said beside it.
            whole = (
                synced("Unknown", UNKNOWN, error.message)
                if self.observed is None
                else self.manager.synced(self.observed)
            )
            self.conditions = [recoverable(error.message), whole]
            await self._write_status()
            return Again(seconds=error.after, failed=error.message)
        assert self.observed is not None
        whole = self.manager.synced(self.observed)
        self.conditions = [whole]
        await self._write_status()
        return Again(self.manager.resync if whole["status"] == "True" else REQUEUE_SECONDS)

    async def delete(self) -> Again:
        if not self.managed:
            return Again()
        if self.annotation("deletion-policy") == "retain" or self.annotation("read-only") == "true":
            await self._set_finalizer(False)
            return Again()
        try:
            observed = await self._read()
            self.observed = observed
            await self.on.call(self.manager.delete, self.on.aws, self.region, self.resource, observed)
        except Missing:
            pass
        except (Recoverable, Terminal) as error:
            if self.observed is not None:
                whole = self.manager.synced(self.observed)
                self.conditions = [
                    recoverable(error.message) if isinstance(error, Recoverable) else terminal(error),
                    whole,
                ]
                await self._write_status()
            if isinstance(error, Terminal):
                return Again()
            return Again(seconds=error.after, failed=error.message)
        await self._set_finalizer(False)
        return Again()

    # -- the steps of a sync

    async def _sync(self) -> None:
        if self.annotation("read-only") == "true":
            return await self._read_only()
        policy = self.annotation("adoption-policy")
        if policy is not None and not self.managed:
            return await self._adopt(policy)
        try:
            observed = await self._read()
        except Missing:
            return await self._create()
        if not self.managed:
            raise Terminal(EXISTS, EXISTS_REASON)
        self.observed = observed
        await self._update()
        return None

    async def _read(self) -> dict[str, Any]:
        observed: dict[str, Any] = await self.on.call(self.manager.read, self.on.aws, self.region, self.resource)
        return observed

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
        if self.manager.differs(self.resource["spec"], observed):
            await self.on.call(self.manager.update, self.on.aws, self.region, self.resource["spec"], observed)
            self.observed = await self._read()

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
        self.arn = observed.get("PipelineExecutionArn") or observed["PipelineArn"]
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
        status = self.resource.get("status")
        patch = {
            "metadata": {"finalizers": finalizers, "resourceVersion": self.resource["metadata"]["resourceVersion"]}
        }
        self.resource = await self.on.patch(self.manager, self.resource, patch, False)
        if status is not None:
            self.resource["status"] = status

    def _metadata(self, arn: str | None) -> dict[str, Any]:
        metadata = {"ownerAccountID": self.on.account, "region": self.region}
        return {"arn": arn, "partition": "aws", **metadata} if arn else metadata

    async def _write_status(self) -> None:
        """Write what differs from the status that was read.

        The patch carries the version that was read, so a resource that was changed meanwhile is looked at again
        instead of being told that it is synced.
        """
        old = self.resource.get("status") or {}
        arn = self.arn or old.get("ackResourceMetadata", {}).get("arn")
        if self.observed is not None:
            arn = arn or self.observed.get("PipelineExecutionArn") or self.observed.get("PipelineArn")
        new: dict[str, Any] = {"ackResourceMetadata": self._metadata(arn)}
        if self.observed is not None:
            new |= self.manager.status(self.observed)
            if self.manager.kind.kind == "Pipeline":
                new["ackResourceMetadata"] = self._metadata(self.observed["PipelineArn"])
        new["conditions"] = complete(self.conditions, old.get("conditions") or [], self.on.clock.now(), self.renew)
        known = {name: value for name, value in old.items() if name != "ackResourceMetadata" or self.arn is None}
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
