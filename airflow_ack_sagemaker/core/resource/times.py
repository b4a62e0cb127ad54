"""Times as the API server writes them (RFC 3339, whole seconds, UTC)."""

from __future__ import annotations

from datetime import datetime, timezone


def parse_time(text: str) -> datetime:
    """A time of the API server, in UTC.

    :raises ValueError: it is none.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def time_or_none(value: object) -> datetime | None:
    """A time as a resource has it; None where it has none, or something else."""
    try:
        return parse_time(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def text_of(time: datetime | None) -> str | None:
    """A time as text."""
    return None if time is None else time.isoformat().replace("+00:00", "Z")
