"""Which clusters the pages show: ``[ack_sagemaker] clusters``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.configuration import conf

from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID

_TEXTS = ("kubernetes_conn_id", "namespace", "aws_conn_id")
_LISTS = ("buckets", "pipelines")
_KEYS = (*_TEXTS, *_LISTS)


@dataclass(frozen=True, slots=True)
class ClusterSetting:
    """An entry. ``namespace`` None is the connection's, ``aws_conn_id`` None: AWS is not asked. ``buckets`` are those
    that S3 may be asked about, ``pipelines`` those of SageMaker beside the ones that the namespace's controller made;
    both may have ``*`` for any characters.
    """

    kubernetes_conn_id: str
    namespace: str | None = None
    aws_conn_id: str | None = None
    buckets: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()


class SettingsError(AckError, ValueError):
    """The option is not what it should be."""


def clusters() -> tuple[ClusterSetting, ...]:
    """The configured clusters.

    :raises SettingsError: the option is wrong; the message says what, where and what to do.
    """
    text = conf.get("ack_sagemaker", "clusters", fallback=None)
    return read(text) if text else (ClusterSetting(DEFAULT_CONN_ID),)


def read(text: str) -> tuple[ClusterSetting, ...]:
    """The clusters in the option's text.

    :raises SettingsError: see `clusters`.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"is not JSON: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise _wrong("must be a list of at least one object")
    found = tuple(_entry(entry) for entry in entries)
    if len({(one.kubernetes_conn_id, one.namespace) for one in found}) < len(found):
        raise _wrong("names one connection and namespace twice")
    return found


def _entry(entry: Any) -> ClusterSetting:
    if not isinstance(entry, Mapping):
        raise _wrong(f"has {entry!r} where an object is needed")
    if unknown := sorted(set(entry) - set(_KEYS)):
        raise _wrong(f"has the unknown name {unknown[0]!r}; known are {', '.join(_KEYS)}")
    for key in _TEXTS:
        if not isinstance(entry.get(key), str | None):
            raise _wrong(f"has {entry[key]!r} as {key}, where a text is needed")
    for key in _LISTS:
        value = entry.get(key) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise _wrong(f"has {value!r} as {key}, where a list of texts is needed")
    if not entry.get("kubernetes_conn_id"):
        raise _wrong("has an object without kubernetes_conn_id")
    return ClusterSetting(
        entry["kubernetes_conn_id"],
        entry.get("namespace") or None,
        entry.get("aws_conn_id") or None,
        tuple(entry.get("buckets") or ()),
        tuple(entry.get("pipelines") or ()),
    )


def _wrong(what: str) -> SettingsError:
    return SettingsError(
        f"Airflow's option [ack_sagemaker] clusters {what}. Write it like "
        '[{"kubernetes_conn_id": "kubernetes_default", "namespace": "ml", "aws_conn_id": "aws_default"}].'
    )
