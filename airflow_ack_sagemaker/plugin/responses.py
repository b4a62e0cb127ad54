"""Responses. One is made once for all users who get the same; a browser that has it already gets 304."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

_KEPT = 128


class Responses:
    """A bounded memory of answers, by what they depend on."""

    def __init__(self) -> None:
        # Versions are counted in each process of the API server: those of another one say nothing here.
        self._process = secrets.token_hex(8)
        self._known: OrderedDict[str, bytes] = OrderedDict()

    def tag(self, *parts: object) -> str:
        """The entity tag of an answer that depends on these, which must have a stable ``repr`` within the process."""
        return hashlib.sha256(repr((self._process, *parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    async def of(self, request: Request, tag: str, make: Callable[[], Mapping[str, Any]]) -> Response:
        """304 if the browser has the answer, else what ``make`` gives (in a thread), with ``version`` and ``now``."""
        if not _has(request, tag):
            if (body := self._known.get(tag)) is None:
                body = await run_in_threadpool(lambda: packed({"version": tag, **make()}))
                self._known[tag] = body
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(tag)
            return _sent(tag, body)
        return Response(status_code=304, headers=_headers(tag))


def answer(request: Request, content: Mapping[str, Any]) -> Response:
    """An answer that is made anyway; its tag is that of its content."""
    body = packed(content)
    tag = hashlib.sha256(body).hexdigest()[:32]
    if _has(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    return _sent(tag, b'{"version":"%s",%s' % (tag.encode(), body[1:]))


def fingerprint(names: Collection[str]) -> str:
    """A digest of a set of names."""
    return hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "surrogatepass")).hexdigest()


def now() -> datetime:
    """The present time."""
    return datetime.now(timezone.utc)


def packed(content: Any) -> bytes:
    """JSON. Escaped to ASCII: a lone surrogate in somebody's text must not break the page."""
    return json.dumps(content, separators=(",", ":")).encode()


def _sent(tag: str, body: bytes) -> Response:
    time = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # Added last: all else may be from memory.
    return Response(b'{"now":"%s",%s' % (time.encode(), body[1:]), headers=_headers(tag), media_type="application/json")


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}


def _has(request: Request, tag: str) -> bool:
    # A compressing proxy makes the tag a weak one.
    given = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") == f'"{tag}"' for one in given.split(","))
