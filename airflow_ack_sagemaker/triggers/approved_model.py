"""`ApprovedModelTrigger`: an event when another version of a model may be served."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.events import approved_item
from airflow_ack_sagemaker.core.lifecycle.registry import versions_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.run.news import Item, Latest
from airflow_ack_sagemaker.triggers.collection import ResourcesTrigger


class ApprovedModelTrigger(ResourcesTrigger):
    """Fires when the newest approved version of a model package group is another one: for an ``AssetWatcher``, to
    deploy what was approved, by whom or what ever. An approval that is taken back leads to the version before, which is
    news, too; that none is approved any more is none.

    The event's payload is ``{"arn", "group", "version", "resource", "metrics"}``; ``arn`` is what `AckEndpointOperator`
    takes. It sees the versions of which the namespace has resources. What was told is remembered as by
    `PipelineDefinitionTrigger`.

    ```python
    from airflow.sdk import Asset, AssetWatcher
    from airflow_ack_sagemaker.triggers.approved_model import ApprovedModelTrigger

    trigger = ApprovedModelTrigger(model_package_group="demand")
    Asset("approved", watchers=[AssetWatcher(name="registry", trigger=trigger)])
    ```

    :param model_package_group: name of the group.
    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the versions; None: the connection's.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    """

    arguments = ("model_package_group", "kubernetes_conn_id", "namespace", "poll_interval")
    store_key = "airflow-ack-sagemaker/approved"
    kind = kind_of("ModelPackage")

    def __init__(self, *, model_package_group: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_package_group = model_package_group

    def memory(self) -> Latest:
        """The version that was told last."""
        return Latest()

    async def looks(self) -> AsyncGenerator[Item, None]:
        """The version that may be served, after each change. It waits until passing trouble is over; other trouble ends
        the trigger with an error.
        """
        from airflow_ack_sagemaker.kube.errors import Moved

        while True:
            try:
                async with aclosing(self._approved()) as approved:
                    async for item in approved:
                        yield item
            except Moved as moved:
                self.log.warning("%s Following what is there.", moved)

    async def _approved(self) -> AsyncGenerator[Item, None]:
        found: dict[str, dict[str, Any]] = {}
        complete = False
        async with aclosing(self.resources()) as resources:
            async for resource in resources:
                if resource is not None:
                    name = fields.name(resource)
                    live = resources.now(name)
                    if live is None:
                        found.pop(name, None)
                    else:
                        found[name] = live
                complete = complete or resource is None
                if complete:
                    yield approved_item(versions_of(found.values(), self.model_package_group))
