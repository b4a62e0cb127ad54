"""What differs between Airflow versions: the asset state store, as it is, as it is missing, and as it refuses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from airflow_ack_sagemaker.compat import recalled, remember


class Store:
    """Airflow's store of one asset; the watcher of several assets has one that refuses."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.values: dict[str, Any] = {}
        self.refuses = refuses

    async def aget(self, key: str) -> Any:
        if self.refuses:
            raise ValueError("several assets")
        return self.values.get(key)

    async def aset(self, key: str, value: Any) -> None:
        if self.refuses:
            raise ValueError("several assets")
        self.values[key] = value


async def kept(trigger: Any) -> Any:
    """What is recalled after something was to be remembered."""
    await remember(trigger, "seen", ["a"])
    return await recalled(trigger, "seen")


def test_a_store_remembers() -> None:
    store = Store()
    assert asyncio.run(kept(SimpleNamespace(asset_state_store=store))) == ["a"]
    assert store.values == {"seen": ["a"]}
    assert asyncio.run(recalled(SimpleNamespace(asset_state_store=store), "other")) is None


def test_without_a_store_nothing_is_remembered() -> None:
    assert asyncio.run(kept(SimpleNamespace())) is None
    assert asyncio.run(kept(SimpleNamespace(asset_state_store=None))) is None


def test_a_store_that_is_one_assets_remembers_nothing_for_several() -> None:
    assert asyncio.run(kept(SimpleNamespace(asset_state_store=Store(refuses=True)))) is None
