"""``--dry-run=server``: the API server does everything but store it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.requests import Request
from airflow_ack_sagemaker.kube.retry import Effect, Send

_ALL = ("dryRun", "All")


class DryRunClient(KubeClient):
    """A client all of whose writes are dry runs, so that a command needs no second way through it."""

    def _perform(self, effect: Effect) -> Any:
        return super()._perform(Send(as_dry_run(effect.request)) if isinstance(effect, Send) else effect)


def as_dry_run(request: Request) -> Request:
    """The request, of which nothing is stored.

    A delete says so in its body: the API server reads no query where a body gives the options.
    """
    if request.method == "DELETE":
        options = json.loads(request.content or b"{}") | {"dryRun": ["All"]}
        return replace(request, content=json.dumps(options).encode())
    if request.method == "GET" or _ALL in request.query:
        return request
    return replace(request, query=(*request.query, _ALL))
