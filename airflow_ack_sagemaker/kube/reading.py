"""Reading answers piece by piece, without I/O: how long may one take, and which events does a watch bring?

A server (or a proxy before it) that drips a byte now and then is as silent as one that sends nothing. So an answer has
a time in all, and the silence of a watch counts from its last event or bookmark, not from its last byte. Nor is an
answer read that is longer than an API server's can be: who names the server may have named any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.kube import answers
from airflow_ack_sagemaker.kube.answers import WatchEvent
from airflow_ack_sagemaker.kube.errors import KubeError, Silent, TooLarge, Unauthorized
from airflow_ack_sagemaker.kube.requests import OBJECT_BYTES, Request
from airflow_ack_sagemaker.kube.retry import Steps, renew

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.connection.config import ClusterConfig

QUIET_SECONDS = 30.0
"""Seconds without a single byte of an answer."""
INACTIVITY = 90.0
"""Seconds without an event or bookmark after which a watch is given up; kube-apiserver sends a bookmark every
minute.
"""

Clock = Callable[[], float]


class Reading:
    """One answer that is being read.

    :param seconds: how long it may take in all.
    :param quiet: for how long nothing of it may come.
    """

    def __init__(
        self,
        request: Request,
        config: ClusterConfig,
        seconds: float,
        *,
        quiet: float = QUIET_SECONDS,
        clock: Clock = time.monotonic,
    ) -> None:
        self.request = request
        self.seconds = seconds
        self.quiet = quiet
        self._config = config
        self._clock = clock
        self._since = clock()
        self._pieces: list[bytes] = []
        self._size = 0

    def start(self) -> None:
        """The request is sent now; a plugin may have taken its time until there was a credential."""
        self._since = self._clock()

    @property
    def left(self) -> float:
        """Seconds until it has taken too long."""
        return max(self._since + self.seconds - self._clock(), 0.0)

    @property
    def content(self) -> bytes:
        """What has come."""
        return b"".join(self._pieces)

    def feed(self, data: bytes) -> None:
        """A piece has come.

        :raises Silent: the answer has taken too long.
        :raises TooLarge: it has more bytes than the request asks for.
        """
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self.request.most:
            raise self._too_large(self.request.most)
        if not self.left:
            raise self.silence()

    def _too_large(self, most: int) -> TooLarge:
        return TooLarge(
            f"Cannot {self.request}: {self._config.server} answers with more than {most:,} bytes "
            f"({self._config.source})."
        )

    def silence(self) -> Silent:
        """The error of an answer of which nothing comes, or which has taken too long."""
        seconds = self.quiet if self.left else self.seconds
        return Silent(
            f"Cannot {self.request}: {self._config.server} is not reachable: no answer within {seconds:.0f} s "
            f"({self._config.source}).",
            sent=True,
        )


class WatchReading(Reading):
    """A watch: its lines are events. ``seconds`` is how long it may bring neither an event nor a bookmark."""

    def __init__(
        self, request: Request, config: ClusterConfig, seconds: float, *, clock: Clock = time.monotonic
    ) -> None:
        super().__init__(request, config, seconds, quiet=seconds, clock=clock)
        self.accepted = False
        self._renewed = False
        self._lines = Lines()

    def answered(self, status: int) -> bool:
        """The server has answered: whether it accepts the watch. Otherwise ``refused`` follows."""
        self._since = self._clock()
        self.accepted = status == 200
        return self.accepted

    def refused(self, status: int, headers: Mapping[str, str], content: bytes) -> Steps[None]:
        """The answer is an error: renew the credential and open the watch again, where that may help.

        :raises ApiError: it would not.
        """
        try:
            answers.parse(self.request, self._config.server, status, headers, content)
        except Unauthorized:
            if self._renewed or not (yield from renew()):
                raise
            self._renewed, self._since = True, self._clock()
            return
        raise KubeError(f"Cannot {self.request}: {self._config.server} answered {status}, which is no watch.")

    def events(self, data: bytes) -> Iterator[WatchEvent]:
        """The events that are complete now.

        :raises Silent: there were none for too long.
        :raises TooLarge: one has no end.
        :raises KubeError: the server ended the watch with an error.
        """
        came = False
        for line in self._lines.feed(data):
            came = True
            yield answers.parse_event(self.request, self._config.server, line)
        if self._lines.waiting > OBJECT_BYTES:
            raise self._too_large(OBJECT_BYTES)
        if came:
            self._since = self._clock()
        elif not self.left:
            raise self.silence()

    def rest(self) -> Iterator[WatchEvent]:
        """The event that the end of the watch completes, or shows to be incomplete."""
        if self._lines.rest:
            yield answers.parse_event(self.request, self._config.server, self._lines.rest)


class Lines:
    """Whole lines from pieces of bytes. httpx's own splitter also splits at characters that JSON may contain
    unescaped.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.waiting = 0
        """Bytes that have come of a line without an end."""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without blank ones."""
        *complete, rest = data.split(b"\n")
        if complete:
            complete[0] = b"".join([*self._pieces, complete[0]])
            self._pieces, self.waiting = [], 0
        if rest:
            self._pieces.append(rest)
            self.waiting += len(rest)
        return [line for line in complete if line.strip()]

    @property
    def rest(self) -> bytes:
        """What has come without a line end."""
        return b"".join(self._pieces).strip()
