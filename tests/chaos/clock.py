"""An API server whose clock is wrong: its stamps, as clients see them through the proxy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_STAMP = re.compile(rb'("(?:creationTimestamp|deletionTimestamp|time|lastTransitionTime|creationTime)":")([^"]{19}Z)"')
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class ServerClock:
    """The clock of the API server and of whoever else stamps there; any thread may ask.

    What was stamped stays as it was when the clock is set again, as it does in etcd.

    :param now: the true time.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._settings = [(datetime.min.replace(tzinfo=UTC), timedelta())]

    def set(self, seconds: float) -> None:
        """Let it go before (or, below 0, behind) the true time from now on."""
        self._settings.append((self._now().replace(microsecond=0), timedelta(seconds=seconds)))

    def shift(self, content: bytes) -> bytes:
        """The JSON of a reply, with the stamps that this clock gives in place of the true ones."""
        if len(self._settings) == 1:
            return content
        return _STAMP.sub(self._shifted, content)

    def _shifted(self, match: re.Match[bytes]) -> bytes:
        stamped = datetime.strptime(match[2].decode(), _FORMAT).replace(tzinfo=UTC)
        offset = next(offset for since, offset in reversed(self._settings) if since <= stamped)
        return b'%s%s"' % (match[1], (stamped + offset).strftime(_FORMAT).encode())
