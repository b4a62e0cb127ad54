"""Whether what a kubeconfig says can be used at all.

It is data of any shape, and what stands in it goes into URLs, headers and TLS. What those refuse they would refuse at
each request, each with an exception of its own; so it is looked at once, when the configuration is made.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterable
from importlib.util import find_spec
from urllib.parse import urlsplit

from airflow_ack_sagemaker.core.printable import cut
from airflow_ack_sagemaker.kube.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
_MAX_URL = 2_000
_MAX_NAMESPACE = 253
"""Characters; a namespace's name has 63 at most. Both stand in each message."""
_PROXIES = ("http", "https", "socks5", "socks5h")


def check_url(url: str, member: str, source: str) -> None:
    """An address of a host, a port and a path.

    :param member: what it stands in, for people.
    :raises ConfigError: it is none; the message does not quote it, since it may have a password.
    """
    try:
        parts = urlsplit(url)
        usable = (parts.port is None or parts.port > 0) and _is_host(parts.hostname or "")
    except ValueError:  # brackets without sense, a port out of range
        usable = False
    if not usable or len(url) > _MAX_URL or parts.query or parts.fragment or not _printable(url) or " " in url:
        raise ConfigError(
            f"{source}: the {member} is not a URL of a host, a port and a path. Write a name of other letters as "
            "xn--...; it has no query."
        )


def check_proxy(url: str, source: str) -> None:
    """The address of a proxy of a kind that is there.

    :raises ConfigError: it is none.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in _PROXIES:
        raise ConfigError(f"{source}: the proxy's URL is not one of http, https or socks5.")
    if scheme.startswith("socks5") and find_spec("socksio") is None:
        raise ConfigError(f"{source}: a SOCKS proxy needs the package socksio. Install it, or name an HTTP proxy.")
    check_url(url, "proxy-url", source)


def check_server_name(name: str, source: str) -> None:
    """A name that TLS can ask for.

    :raises ConfigError: it is none.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
    except (ValueError, TypeError, ssl.SSLError):
        raise ConfigError(f"{source}: tls-server-name is not the name of a host.") from None


def check_sent(namespace: str, headers: Iterable[tuple[str, str]], login: Iterable[str], source: str) -> None:
    """What becomes a part of a path, a header, or a name and password.

    :raises ConfigError: one cannot.
    """
    if len(namespace) > _MAX_NAMESPACE or not _printable(namespace):
        raise ConfigError(f"{source}: the namespace is too long, or has a character that no name of a namespace has.")
    for name, value in headers:
        if not (value.isascii() and _printable(value)):
            raise ConfigError(f"{source}: what is sent as {cut(name)} (as, as-groups, ...) must be printable ASCII.")
    if not all(map(_encodable, login)):
        raise ConfigError(f"{source}: username or password has a character that cannot be sent.")


def _is_host(host: str) -> bool:
    if ":" in host:
        ipaddress.IPv6Address(host.partition("%")[0])
        return True
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(
        len(label) <= 63 and _NAME.fullmatch(label) and _is_label(label) for label in labels
    )


def _is_label(label: str) -> bool:
    """Whether what looks like an encoded name of other letters is one."""
    if not label.lower().startswith("xn--"):
        return True
    return len(label) > 4 and bool(label[4:].encode("ascii").decode("punycode"))


def _printable(text: str) -> bool:
    return text.isprintable() and _encodable(text)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON may hold
        return False
    return True
