"""Running a kubeconfig's ``exec`` plugin, such as ``aws eks get-token``. Source: client.authentication.k8s.io, v1 to
v1alpha1.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime

from airflow_ack_sagemaker.core.printable import cut, quoted
from airflow_ack_sagemaker.kube.connection.credentials import ExecPlugin, Issued
from airflow_ack_sagemaker.kube.errors import CredentialsError

TIMEOUT = 60.0
"""Seconds that a plugin may take."""


def run(plugin: ExecPlugin) -> Issued:
    """Run the plugin and read its credential. Its standard error is part of a failure's message, its output never is.

    :raises CredentialsError: it is not there, failed, took too long, or printed something else.
    """
    try:
        done = subprocess.run(
            [plugin.command, *plugin.args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=plugin.directory or None,
            env={**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": _info(plugin)},
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _failed(plugin, f"did not end within {TIMEOUT:.0f} s") from None
    except OSError as error:
        raise _failed(plugin, f"cannot be started: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-1000:]
        raise _failed(plugin, f"ended with exit code {done.returncode}: {said or 'it printed no reason'}")
    try:
        value = json.loads(done.stdout)
        version, status = value["apiVersion"], value["status"]
        token = str(status.get("token") or "").strip()
        certificate = str(status.get("clientCertificateData") or "").encode()
        key = str(status.get("clientKeyData") or "").encode()
        expires = status.get("expirationTimestamp")
        moment = datetime.fromisoformat(expires).timestamp() if expires else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _failed(plugin, "printed something that is not an ExecCredential with a status") from None
    if version != plugin.api_version:
        raise _failed(plugin, f"answered in {cut(str(version))}, but the kubeconfig asks for {plugin.api_version}")
    if not token and not (certificate and key):
        raise _failed(plugin, "gave neither a token nor a client certificate with its key")
    return Issued(token, certificate, key, moment)


def _info(plugin: ExecPlugin) -> str:
    spec: dict[str, object] = {"interactive": False}
    if plugin.cluster:
        spec["cluster"] = json.loads(plugin.cluster)
    return json.dumps({"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec})


def _failed(plugin: ExecPlugin, what: str) -> CredentialsError:
    hint = f" {cut(plugin.hint.strip())}" if plugin.hint else ""
    return CredentialsError(f"The kubeconfig's exec plugin {quoted(plugin.command)} {what}.{hint}")
