"""A clock that is wrong, for servers that stamp by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ShiftedClock:
    """This machine's clock, and how far a server's is ahead of it, in seconds."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)
