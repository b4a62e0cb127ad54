"""A cluster that is no more than what it answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.kube.objects import listed
from tests.kube.servers import Seen


class Here:
    """A cluster that serves both kinds and allows everything in them, but for what is refused.

    :param items: the executions that there are.
    :param refused: (method, last part of the path) of what is forbidden.
    :param gone: an execution that is another one of its name when it is to be deleted.
    """

    def __init__(self, *items: dict[str, Any], refused: Collection[tuple[str, str]] = (), gone: str = "") -> None:
        self.items, self.refused, self.gone = items, refused, gone

    def __call__(self, seen: Seen) -> None:
        last = seen.path.rpartition("/")[2]
        if (seen.method, last) in self.refused:
            seen.refuse(403, "Forbidden", "forbidden")
        elif seen.method == "DELETE":
            seen.refuse(409, "Conflict") if last == self.gone else seen.answer({"kind": "Status"})
        elif last == "selfsubjectaccessreviews":
            seen.answer({"status": {"allowed": True}}, 201)
        elif last == "version":
            seen.answer({"gitVersion": "v1.37.2"})
        elif last == "v1alpha1":
            seen.answer(
                {"components": {}}
                if "openapi" in seen.path
                else {"resources": [{"kind": "Pipeline"}, {"kind": "PipelineExecution"}]}
            )
        elif "/leases/" in seen.path:
            seen.refuse(404, "NotFound")
        else:
            seen.answer(listed(5, *(self.items if last == "pipelineexecutions" else ())))
