"""What is counted for Airflow's own metrics (StatsD or OpenTelemetry, as ``[metrics]`` says).

=======================  =======  ======================  =====================================================
name                     what     tags                    counts
=======================  =======  ======================  =====================================================
``ack.launches``         counter  ``kind``                executions that were created
``ack.reattached``       counter  ``kind``                tries that went on with the execution that there was
``ack.outcome``          counter  ``kind``, ``state``     ends that a task has told
``ack.follow.lag``       timer    ``kind``                from the controller's stamp of an end to the trigger's
                                                          event, to the second
``ack.watch.lists``      counter  ``kind``                lists of a followed collection, the first one included
=======================  =======  ======================  =====================================================

Outside of Airflow's processes (the command line, the sandbox) nothing is counted.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any


def launched(kind: str) -> None:
    """An execution was created."""
    _incr("ack.launches", kind=kind)


def reattached(kind: str) -> None:
    """A try went on with what there was."""
    _incr("ack.reattached", kind=kind)


def ended(kind: str, state: str) -> None:
    """A task has told an end."""
    _incr("ack.outcome", kind=kind, state=state)


def followed(kind: str, seconds: float) -> None:
    """A trigger has told an end so many seconds after the controller's stamp."""
    if (stats := _stats()) is not None:
        stats.timing("ack.follow.lag", timedelta(seconds=max(seconds, 0.0)), tags={"kind": kind})


def listed(kind: str) -> None:
    """A followed collection was listed."""
    _incr("ack.watch.lists", kind=kind)


def _incr(name: str, **tags: str) -> None:
    if (stats := _stats()) is not None:
        stats.incr(name, tags=tags)


def _stats() -> Any:
    """Airflow's ``Stats``, wherever its version has it; None outside of Airflow."""
    if "airflow" not in sys.modules:
        return None
    try:
        from airflow.providers.common.compat.sdk import Stats
    except ImportError:
        return None
    return Stats
