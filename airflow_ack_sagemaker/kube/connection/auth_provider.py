"""The kubeconfig's ``auth-provider``: removed from Kubernetes in 1.26, but still found in old files."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow_ack_sagemaker.core.printable import quoted
from airflow_ack_sagemaker.kube.connection.kubeconfig import text_of
from airflow_ack_sagemaker.kube.errors import ConfigError

_EARLY = 300.0  # seconds before its end at which the Python client calls a token expired


def token_of(provider: Mapping[str, Any], user: str, *, required: bool) -> str:
    """The token that is stored there and still valid. It is never renewed: that was the removed part.

    :param required: nothing else could authenticate this user, so that no token is an error.
    :raises ConfigError: the token has expired, or is needed and not there.
    """
    name = text_of(provider.get("name"), f"The auth-provider's name of user {quoted(user)}")
    config = provider.get("config") or {}
    token, expires = "", None
    if name == "oidc":
        token = text_of(config.get("id-token"), f"The id-token of user {quoted(user)}")
        expires = _expiry_of_jwt(token)
    elif name == "gcp":
        token = text_of(config.get("access-token"), f"The access-token of user {quoted(user)}")
        expires = datetime.fromisoformat(str(config["expiry"])).timestamp() if config.get("expiry") else None
    if token and (expires is None or expires - _EARLY > time.time()):
        return token
    if not token and not required:
        return ""
    state = "has expired" if token else "holds no token that can be used"
    raise ConfigError(
        f"The kubeconfig's auth-provider {quoted(name)} of user {quoted(user)} {state}. Kubernetes removed auth "
        "providers in 1.26: use an exec plugin or a token instead."
    )


def _expiry_of_jwt(token: str) -> float | None:
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None
