"""How credentials become headers and certificates.

:class:`Authenticator` does all the file reading and plugin running of a client, so that an asynchronous client can
call it in a thread. It reads token files again (the kubelet renews a service account's hourly), runs exec plugins
again when their credential expires, and renews whatever can be renewed after the server said 401.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_ack_sagemaker.core.printable import cut
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import ConfigError, CredentialsError

TOKEN_FILE_SECONDS = 60.0
"""How long a token file's content is used before the file is read again, as in client-go."""


class Authenticator:
    """The present credential of one client. Its methods may read files and run a plugin; they can be called from any
    thread.

    ``generation`` grows whenever the TLS side changed (another client certificate), so that connections must be opened
    anew.
    """

    def __init__(self, config: ClusterConfig, *, generation: int = 0, now: Callable[[], float] = time.time) -> None:
        self._config = config
        self._now = now
        self._lock = threading.Lock()
        self._headers: list[tuple[str, str]] = []
        self._pair = (b"", b"")
        self._fresh_until = 0.0
        self._loaded = False
        self.generation = generation

    @property
    def renewable(self) -> bool:
        """Whether asking again can give another credential."""
        credential = self._config.credential
        return bool(credential.token_file or credential.plugin or credential.issuer or credential.certificate.file)

    @property
    def stale(self) -> bool:
        """Whether :meth:`load` has something to do."""
        return not self._loaded or self._now() >= self._fresh_until

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that carry the credential and the impersonation; :meth:`load` first."""
        return self._headers

    def load(self, *, renew: bool = False) -> bool:
        """Bring the credential up to date; with ``renew`` also one that looks fresh. Whether it is another one now.

        :raises CredentialsError: the token file cannot be read or the plugin failed.
        :raises ConfigError: a certificate or key cannot be used.
        """
        with self._lock:
            if not (self.renewable if renew and self._loaded else self.stale):
                return False
            credential = self._config.credential
            fresh_until = float("inf")
            token, pair = credential.token, (b"", b"")
            if credential.token_file:
                token, fresh_until = self._token_from_file(credential.token_file), self._now() + TOKEN_FILE_SECONDS
            elif credential.plugin:
                from airflow_ack_sagemaker.kube.connection.exec_plugin import run

                issued = run(credential.plugin)
                token, pair, fresh_until = issued.token, (issued.certificate, issued.key), self._until(issued.expires)
            elif credential.issuer:
                issued = credential.issuer.issue()
                token, fresh_until = issued.token, self._until(issued.expires)
            if not pair[0] and credential.certificate:
                pair = credential.certificate.read("client certificate"), credential.key.read("client key")
            if self._loaded and pair != self._pair:
                self.generation += 1
            headers = [*_authorization(token, credential.basic), *self._config.impersonation]
            changed = (headers, pair) != (self._headers, self._pair)
            self._headers, self._pair, self._fresh_until, self._loaded = headers, pair, fresh_until, True
            return changed

    def tls(self) -> ssl.SSLContext:
        """A TLS context with the wanted authorities only (reading the system's costs 10 ms) and the client
        certificate.
        """
        config = self._config
        context = _ServerNameContext(ssl.PROTOCOL_TLS_CLIENT)
        context.server_name = config.tls_server_name
        # As client-go and urllib3 do: the given certificate is trusted even when it is not self-signed.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if not config.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif config.server.startswith("https:"):
            if authority := config.authority.read("certificate authority"):
                try:
                    context.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
                except (ssl.SSLError, ValueError):
                    raise ConfigError(
                        f"The certificate authority of {config.server} is not a PEM certificate."
                    ) from None
            else:
                context.load_default_certs()
        if self._pair[0]:
            _load_pair(context, *self._pair, server=config.server)
        return context

    def _until(self, expires: float | None) -> float:
        if expires is None:
            return float("inf")
        # Renewed a little before it ends, since the request is checked later, but never at every request.
        return expires - min(60.0, max(0.0, (expires - self._now()) * 0.1))

    @staticmethod
    def _token_from_file(path: str) -> str:
        try:
            token = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise CredentialsError(f"The token file {cut(path)} cannot be read: {reason}.") from None
        if not token:
            raise CredentialsError(f"The token file {cut(path)} is empty.")
        return token


class _ServerNameContext(ssl.SSLContext):
    """Checks the server's certificate against another name than the URL's (``tls-server-name``), also behind a
    proxy.
    """

    server_name: str = ""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        if self.server_name:
            kwargs["server_hostname"] = self.server_name
        return super().wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        if self.server_name:
            kwargs["server_hostname"] = self.server_name
        return super().wrap_bio(*args, **kwargs)


def _authorization(token: str, basic: tuple[str, str] | None) -> list[tuple[str, str]]:
    if token:
        # httpx would quote the header in its error.
        if not token.isascii() or any(character.isspace() or not character.isprintable() for character in token):
            raise ConfigError(
                "The bearer token contains a character that a token cannot contain (a space or line end?)."
            )
        return [("Authorization", f"Bearer {token}")]
    if basic:
        return [("Authorization", "Basic " + base64.b64encode(":".join(basic).encode()).decode())]
    return []


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes, *, server: str) -> None:
    def no_password() -> str:
        raise ConfigError(f"The client key for {server} is encrypted with a password; store it without one.")

    try:
        with _private_file(certificate + b"\n" + key) as path:
            context.load_cert_chain(path, password=no_password)
    except (ssl.SSLError, ValueError):
        raise ConfigError(
            f"The client certificate and key for {server} cannot be used: they must be PEM and belong together."
        ) from None


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """A path that OpenSSL can read ``content`` from: in memory where the system can, else a file that nobody else may
    read.
    """
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("client-key")
        try:
            os.write(handle, content)
            path = f"/proc/self/fd/{handle}"
            if os.path.exists(path):
                yield path
                return
        finally:
            os.close(handle)
    handle, path = tempfile.mkstemp()
    try:
        os.write(handle, content)
        os.close(handle)
        yield path
    finally:
        os.unlink(path)
