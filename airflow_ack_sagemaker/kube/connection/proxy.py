"""Which proxy the environment asks for, read as the Kubernetes Python client reads it.

That client takes the last that is set of HTTPS_PROXY, https_proxy, HTTP_PROXY and http_proxy, whatever the server's
scheme, unless NO_PROXY (or no_proxy, which wins) covers the server. A kubeconfig's ``proxy-url`` is stronger than all
of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def environment_proxy(server: str, environ: Mapping[str, str]) -> str:
    """The proxy's URL, "" for a direct connection."""
    proxy = ""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        proxy = environ.get(name) or proxy
    if not proxy or _excluded(server, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _excluded(server: str, no_proxy: str) -> bool:
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    with_port = f"{host}:{parts.port}"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for entry in no_proxy.lower().replace(" ", "").split(","):
        if not entry:
            continue
        if entry == "*":
            return True
        if address is not None and "/" in entry:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        # ".example.org" and "example.org" cover the domain and all below it.
        suffix = entry.lstrip(".")
        if host == suffix or with_port == suffix or host.endswith(f".{suffix}") or with_port.endswith(f".{suffix}"):
            return True
    return False
