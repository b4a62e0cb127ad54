"""What credentials are made of: frozen, comparable, silent when printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from airflow_ack_sagemaker.core.printable import cut
from airflow_ack_sagemaker.kube.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate or key: the PEM itself, or the file that it is read from."""

    data: bytes = field(default=b"", repr=False)
    file: str = ""

    def read(self, what: str) -> bytes:
        """The PEM bytes."""
        if self.data or not self.file:
            return self.data
        try:
            return Path(self.file).read_bytes()
        except OSError as error:
            raise ConfigError(f"The {what} {cut(self.file)} cannot be read: {error.strerror}.") from None

    def __bool__(self) -> bool:
        return bool(self.data or self.file)


NO_PEM = Pem()


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that prints an ExecCredential (client.authentication.k8s.io). ``cluster`` is what it is told, as
    JSON.
    """

    api_version: str
    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    directory: str = ""
    cluster: str = field(default="", repr=False)
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """What a plugin printed; ``expires`` in seconds since 1970, None when it does not expire."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires: float | None = None


class Issuer(Protocol):
    """What makes a credential in this process, such as :class:`.eks_token.EksToken`."""

    def issue(self) -> Issued:
        """A new credential. May block."""


@dataclass(frozen=True, slots=True)
class Credential:
    """How a client proves who it is: at most one of token, token file, plugin, issuer and basic, and a client
    certificate beside it.
    """

    token: str = field(default="", repr=False)
    token_file: str = ""
    plugin: ExecPlugin | None = None
    issuer: Issuer | None = None
    basic: tuple[str, str] | None = field(default=None, repr=False)
    certificate: Pem = NO_PEM
    key: Pem = NO_PEM

    def __str__(self) -> str:
        kinds = {
            "token": self.token,
            "token file": self.token_file,
            "exec plugin": self.plugin,
            "minted token": self.issuer,
            "password": self.basic,
            "client certificate": self.certificate,
        }
        return " and ".join(name for name, given in kinds.items() if given) or "anonymous"


ANONYMOUS = Credential()
