"""``/healthz``, ``/livez`` and ``/readyz``, each with its single checks below it."""

from __future__ import annotations

from airflow_ack_sagemaker.sandbox.apiserver.errors import PageNotFound

_ALIVE = ("ping", "log", "etcd")
_CHECKS = {"healthz": _ALIVE, "livez": _ALIVE, "readyz": (*_ALIVE, "etcd-readiness", "informer-sync", "shutdown")}


def is_health(path: str) -> bool:
    """Whether the path is one of these, which nobody has to authenticate for."""
    return path.split("/")[1] in _CHECKS


def health(path: str, *, verbose: bool) -> str:
    """The text of a check; of all of them in turn when it is to be verbose.

    :raises PageNotFound: there is no such check.
    """
    _, name, *rest = path.split("/")
    if not rest:
        if not verbose:
            return "ok"
        return "".join(f"[+]{check} ok\n" for check in _CHECKS[name]) + f"{name} check passed\n"
    if len(rest) > 1 or rest[0] not in _CHECKS[name]:
        raise PageNotFound
    return "ok"
