"""Stand-ins for a Kubernetes cluster, its ACK controller and AWS, for demonstrations and tests.

Everything here needs the extra ``sandbox``; names are loaded when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_ack_sagemaker.sandbox.clock import Clock, ManualClock
    from airflow_ack_sagemaker.sandbox.run import COMPONENTS, Sandbox, SandboxError

__all__ = ["COMPONENTS", "Clock", "ManualClock", "Sandbox", "SandboxError"]

_MODULES = {"COMPONENTS": "run", "Sandbox": "run", "SandboxError": "run", "Clock": "clock", "ManualClock": "clock"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
