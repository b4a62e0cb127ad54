"""What the clusters have of models and endpoints, followed only while somebody looks at a page about them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from airflow_ack_sagemaker.core.pages.endpoints import (
    ConfigRow,
    EndpointRow,
    config_row,
    endpoint_row,
    prune_config,
    prune_endpoint,
)
from airflow_ack_sagemaker.core.pages.models import VersionRow, prune_version, version_row
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.plugin.followed import FRESH, Followed, Following
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.settings import ClusterSetting

PACKAGE, ENDPOINT, CONFIG = kind_of("ModelPackage"), kind_of("Endpoint"), kind_of("EndpointConfig")


@dataclass(frozen=True, slots=True)
class ShelfLook:
    """What a shelf has at one moment."""

    versions: tuple[int, ...]
    taken: float
    models: tuple[VersionRow, ...]
    endpoints: tuple[EndpointRow, ...]
    configs: tuple[ConfigRow, ...]


class Shelf(Following):
    """The model versions and endpoints of one configured cluster and namespace. A Role may allow some of the kinds
    only: what is not allowed hides nothing else.
    """

    def __init__(self, cluster: ClusterSetting) -> None:
        super().__init__(cluster)
        self.models: Followed[VersionRow] = Followed(self, PACKAGE, prune_version, _masked_version)
        self.endpoints: Followed[EndpointRow] = Followed(self, ENDPOINT, prune_endpoint, _masked_endpoint)
        self.configs: Followed[ConfigRow] = Followed(self, CONFIG, prune_config, _masked_config)
        self.followed = (self.models, self.endpoints, self.configs)
        self._look: ShelfLook | None = None
        self.begin()

    @property
    def now(self) -> ShelfLook:
        """What there is, not older than half a second."""
        look, versions = self._look, self.versions
        # What has arrived just now, after nothing, is not held back.
        begins = look is not None and bool(look.versions[-1]) and not self.loading
        if look is None or (look.versions != versions and (begins or time.monotonic() - look.taken > FRESH)):
            look = self._look = ShelfLook(
                versions,
                time.monotonic(),
                tuple(self.models.items.values()),
                tuple(self.endpoints.items.values()),
                tuple(self.configs.items.values()),
            )
        return look

    @property
    def state(self) -> tuple[object, ...]:
        """What the answers to viewers depend on."""
        troubles = tuple(one.trouble for one in self.followed)
        return (self.token, self.now.versions, troubles, MASKER.version)


def _masked_version(resource: Mapping[str, Any], cluster: str) -> VersionRow:
    """The row, whose texts have no secret: they are searched, and a search that finds is an answer, too."""
    row = version_row(resource, cluster)
    return replace(row, reason=MASKER.cut(row.reason))


def _masked_endpoint(resource: Mapping[str, Any], cluster: str) -> EndpointRow:
    row = endpoint_row(resource, cluster)
    return replace(
        row,
        reason=MASKER.cut(row.reason),
        failure=MASKER.cut(row.failure),
        progress=MASKER.cut(row.progress) or "",
    )


def _masked_config(resource: Mapping[str, Any], cluster: str) -> ConfigRow:
    row = config_row(resource, cluster)
    return replace(row, model=row.model and MASKER.text(row.model))
