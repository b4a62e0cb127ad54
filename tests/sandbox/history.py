"""Every state that objects went through: what a look may have seen between two states of rest."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Self

import httpx

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, Kind
from harness.plain_client import connect
from tests.contract.servers import Server
from tests.sandbox.world import Object

_SECONDS = 3600


class History:
    """Watches of some kinds of a namespace, kept in order. A context manager."""

    def __init__(self, server: Server, namespace: str, kinds: Iterable[Kind]) -> None:
        self._client = connect(server.kubeconfig)
        self._states: dict[tuple[str, str], list[Object | None]] = {}
        self._streams: list[httpx.Response] = []
        self._threads: list[threading.Thread] = []
        self._paths = [f"/apis/{API_VERSION}/namespaces/{namespace}/{kind.plural}" for kind in kinds]

    def __enter__(self) -> Self:
        http = self._client
        for path in self._paths:
            request = http.build_request("GET", path, params={"watch": "1", "timeoutSeconds": _SECONDS}, timeout=None)
            stream = http.send(request, stream=True)
            assert stream.status_code == 200, stream.read()
            thread = threading.Thread(target=self._keep, args=(stream,), daemon=True)
            thread.start()
            self._streams.append(stream)
            self._threads.append(thread)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def _keep(self, stream: httpx.Response) -> None:
        try:
            for line in stream.iter_lines():
                event = json.loads(line) if line else {}
                if event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
                    found = event["object"]
                    key = (found["kind"], found["metadata"]["name"])
                    self._states.setdefault(key, []).append(None if event["type"] == "DELETED" else found)
        except (httpx.HTTPError, OSError, RuntimeError):
            return

    def of(self, kind: Kind, name: str) -> list[Object | None]:
        """The states of an object so far; None: it was gone."""
        return list(self._states.get((kind.kind, name), ()))
