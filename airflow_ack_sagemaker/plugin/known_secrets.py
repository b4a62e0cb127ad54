"""The secrets that Airflow keeps: passwords and secret fields of its connections, secret variables.

Airflow's own masker knows in a process what that process happened to load, which in the API server is nothing until
somebody lists the connections. So the pages read all of them, from the database and from the environment, before the
first answer, and again each half minute. A secrets backend cannot be listed: what lies there is hidden by name and by
shape only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

from airflow.models import Connection, Variable
from airflow.models.crypto import get_fernet
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_ack_sagemaker.core.pages.masking import secrets_of
from airflow_ack_sagemaker.core.pages.secret_texts import SecretTexts, strings_in
from airflow_ack_sagemaker.kube.connection.kubeconfig import parse_text
from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.plugin.connection_policy import MAX_KUBECONFIG
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.threads import giving_way

log = logging.getLogger(__name__)

SECONDS = 30.0
"""How old the knowledge may be."""


class KnownSecrets:
    """Keeps the masker's knowledge fresh. For one event loop."""

    def __init__(self) -> None:
        self._read = -SECONDS
        self._reading: asyncio.Task[None] | None = None
        self._plain: dict[bytes, str] = {}

    async def fresh(self) -> None:
        """Return once the secrets have been read; later ones are read while the answers go on.

        :raises Exception: the database could not be read, and never was.
        """
        first = self._read < 0
        if self._reading is None and time.monotonic() - self._read > SECONDS:
            self._reading = asyncio.get_running_loop().create_task(self._renew())
        if first and self._reading is not None:
            await asyncio.shield(self._reading)

    async def _renew(self) -> None:
        try:
            # Not one of the pages' threads: it waits for Airflow's database first.
            texts = await asyncio.to_thread(giving_way, lambda: SecretTexts(self._all()))
            MASKER.know(texts)
            self._read = time.monotonic()
        except Exception:
            if self._read < 0:
                raise
            log.warning("Airflow's connections and variables cannot be read, to hide their secrets.", exc_info=True)
            self._read = time.monotonic()
        finally:
            self._reading = None

    def _all(self) -> Iterator[str]:
        known, self._plain = self._plain, {}
        connections, variables = Connection.__table__.c, Variable.__table__.c
        # Columns rather than objects: each object would be registered with Airflow's masker, which compiles all its
        # patterns anew for each.
        with create_session() as session:
            rows = session.execute(
                select(
                    connections.password, connections.is_encrypted, connections.extra, connections.is_extra_encrypted
                )
            ).all()
            variables_rows = session.execute(select(variables.key, variables.val, variables.is_encrypted)).all()
        for password, encrypted, extra, extra_encrypted in rows:
            if password := self._decrypted(password, encrypted, known):
                yield password
            yield from _in_extra(self._decrypted(extra, extra_encrypted, known))
        for key, value, encrypted in variables_rows:
            yield from _in_variable(key, self._decrypted(value, encrypted, known))
        yield from _of_environment()

    def _decrypted(self, value: str | None, encrypted: bool, known: dict[bytes, str]) -> str:
        if not value or not encrypted:
            return value or ""
        secret = value.encode()
        if (plain := known.get(secret)) is None:
            try:
                plain = get_fernet().decrypt(secret).decode("utf-8", "replace")
            except Exception:  # another Fernet key, or broken: Airflow itself could not use it
                plain = ""
        self._plain[secret] = plain
        return plain


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if name.startswith("AIRFLOW_VAR_"):
            yield from _in_variable(name.removeprefix("AIRFLOW_VAR_"), value)
        elif name.startswith("AIRFLOW_CONN_"):
            try:
                found = Connection.from_json(value) if value.lstrip().startswith("{") else Connection(uri=value)
                yield from filter(None, [found.password, *_in_extra(found.extra)])
            except Exception:  # not a connection: Airflow itself could not use it
                continue


def _in_extra(extra: str | None) -> Iterator[str]:
    document = _parsed(extra)
    if not isinstance(document, dict):
        return
    yield from secrets_of(document, MASKER)
    # A kubeconfig is YAML as often as JSON.
    content = document.get("kube_config") or document.get("extra__kubernetes__kube_config")
    if isinstance(content, str) and len(content) <= MAX_KUBECONFIG:  # a longer one is not used in the API server
        try:
            yield from secrets_of(parse_text(content, "kube_config"), MASKER)
        except ConfigError:
            return


def _in_variable(key: str, value: str) -> Iterator[str]:
    document = _parsed(value)
    if MASKER.hides(key):
        yield value
        yield from strings_in(document)
    else:
        yield from secrets_of(document, MASKER)


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
