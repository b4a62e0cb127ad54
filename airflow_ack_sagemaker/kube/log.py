"""What this layer needs of a logger: the standard library's and Airflow's both are one."""

from __future__ import annotations

from typing import Any, Protocol


class Log(Protocol):
    """Something to log to."""

    def info(self, event: str, /, *args: Any) -> Any:
        """Log a line."""

    def warning(self, event: str, /, *args: Any) -> Any:
        """Log a warning."""
