"""Responses. One is made once for all users who get the same; a browser that has it already gets 304."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from typing import Any

from fastapi import Request, Response

from airflow_ack_sagemaker.plugin.single_flight import SingleFlight
from airflow_ack_sagemaker.plugin.threads import in_thread

_KEPT = 128
_KEPT_SECONDS, _LONGEST_SECONDS = 3_600.0, 60.0
"""Seconds that an answer is kept, and that its making may take."""
_LARGE, _LEVEL = 1_024, 5
"""As Airflow has them for its own answers. It compresses in the event loop what is not yet compressed."""


class Responses:
    """A bounded memory of answers, by what they depend on."""

    def __init__(self) -> None:
        # Versions are counted in each process of the API server: those of another one say nothing here.
        self._process = secrets.token_hex(8)
        self._known: SingleFlight[bytes] = SingleFlight(_KEPT)

    def tag(self, *parts: object) -> str:
        """The entity tag of an answer that depends on these, which must have a stable ``repr`` within the process."""
        return hashlib.sha256(repr((self._process, *parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    async def of(self, request: Request, tag: str, make: Callable[[], Mapping[str, Any]]) -> Response:
        """304 if the browser has the answer, else what ``make`` gives (in a thread), with ``version`` and ``now``.

        :raises NotYet: it takes too long.
        """
        if not _has(request, tag):
            body = await self._known.get(
                tag,
                lambda: in_thread(lambda: packed({"version": tag, **make()})),
                seconds=_KEPT_SECONDS,
                wait_seconds=_LONGEST_SECONDS,
            )
            return await in_thread(_sent, request, tag, body)
        return Response(status_code=304, headers=_headers(tag))


def answer(request: Request, content: Mapping[str, Any]) -> Response:
    """An answer that is made anyway; its tag is that of its content. For a thread, where it may be large."""
    body = packed(content)
    tag = hashlib.sha256(body).hexdigest()[:32]
    if _has(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    return _sent(request, tag, b'{"version":"%s",%s' % (tag.encode(), body[1:]))


def tagged(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """Bytes as they are; 304 if the browser has them. For a thread."""
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers = {**_headers(tag), **headers}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return _compressed(request, body, media_type, headers)


def fingerprint(names: Collection[str]) -> str:
    """A digest of a set of names."""
    return hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "surrogatepass")).hexdigest()


def now() -> datetime:
    """The present time."""
    return datetime.now(timezone.utc)


def packed(content: Any) -> bytes:
    """JSON. Escaped to ASCII: a lone surrogate in somebody's text must not break the page."""
    return json.dumps(content, separators=(",", ":")).encode()


def _sent(request: Request, tag: str, body: bytes) -> Response:
    time = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # Added last: all else may be from memory.
    return _compressed(request, b'{"now":"%s",%s' % (time.encode(), body[1:]), "application/json", _headers(tag))


def _compressed(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    if len(body) >= _LARGE and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, _LEVEL)
        headers = {**headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(body, headers=headers, media_type=media_type)


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}


def _has(request: Request, tag: str) -> bool:
    # A compressing proxy makes the tag a weak one.
    given = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") == f'"{tag}"' for one in given.split(","))
