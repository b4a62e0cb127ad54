"""From an Airflow connection of type ``kubernetes`` to the cluster that it means.

The fields and their meaning are those of the cncf provider's ``KubernetesHook``: one of ``in_cluster``,
``kube_config_path`` and ``kube_config``; with none of them the pod's service account, and outside a pod the default
kubeconfig. Two deliberate differences: ``in_cluster`` as the text "false" means false (there any text means true), and
where the connection names no namespace the chosen context's (in a pod the pod's own) is the default instead of
"default".
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_ack_sagemaker.core.printable import cut, quoted
from airflow_ack_sagemaker.kube.connection import kubeconfig, usable
from airflow_ack_sagemaker.kube.connection.credentials import ANONYMOUS, NO_PEM, Credential, ExecPlugin, Pem
from airflow_ack_sagemaker.kube.connection.kubeconfig import Entry, Selected, text_of
from airflow_ack_sagemaker.kube.connection.proxy import environment_proxy
from airflow_ack_sagemaker.kube.errors import ConfigError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts a pod's token, authority and namespace."""
KEEPALIVE = (120, 30, 6)
"""TCP keep-alive: idle seconds, seconds between probes, probes; the defaults of ``[kubernetes_executor]
tcp_keep_*``.
"""
_EXEC_VERSIONS = frozenset(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
_ODD_SHAPE = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What Python raises where a mapping, a list or a text was expected and something else is there."""
_CLUSTER_FIELDS = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """One cluster and the way in. Equal configurations may share a client. Printing it shows no secret.

    ``namespace`` is the default of the connection; ``source`` says for people where all this comes from.
    """

    server: str
    namespace: str = "default"
    source: str = ""
    authority: Pem = NO_PEM
    verify: bool = True
    tls_server_name: str = ""
    proxy: str = field(default="", repr=False)  # may carry a password
    credential: Credential = ANONYMOUS
    impersonation: tuple[tuple[str, str], ...] = ()
    keepalive: tuple[int, int, int] | None = KEEPALIVE

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes it the same cluster, whoever asks there and however: server and namespace."""
        return self.server, self.namespace, self.tls_server_name

    @property
    def digest(self) -> str:
        """Tells two clusters, or two ways into one, apart. It holds no secret, nor is it made of one: a token that was
        rotated makes no other way.
        """
        credential, plugin = self.credential, self.credential.plugin
        way = (
            *self.place,
            (self.authority.data, self.authority.file),
            self.verify,
            self.proxy.rpartition("@")[2],
            str(credential),
            credential.token_file,
            plugin and (plugin.command, plugin.args, sorted(name for name, _ in plugin.env)),
            credential.issuer,
            credential.basic and credential.basic[0],
            credential.certificate.file,
            self.impersonation,
        )
        return hashlib.sha256(repr(way).encode()).hexdigest()[:32]


def cluster_config(
    extra: Mapping[str, Any],
    *,
    conn_id: str,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
    keepalive: tuple[int, int, int] = KEEPALIVE,
) -> ClusterConfig:
    """The cluster that a connection's extra (its ``extra_dejson``) selects. Reads files, connects to nothing.

    :raises ConfigError: the fields contradict each other, or what they name is missing or broken.
    """
    source = f"Kubernetes connection {conn_id!r}"
    with well_formed(source):
        return _config(extra, source, environ, service_account, keepalive)


@contextmanager
def well_formed(source: str) -> Iterator[None]:
    """One guard around the reading of a kubeconfig, which is data of any shape, rather than a check at each of its
    sixty members.

    :param source: where it comes from, for people.
    :raises ConfigError: something in it is not of the type that it should be.
    """
    try:
        yield
    except _ODD_SHAPE as error:
        raise ConfigError(
            f"The {source} leads to a kubeconfig whose parts are not of the form that Kubernetes gives them "
            f"({type(error).__name__}). Compare it with the output of: kubectl config view --minify"
        ) from None


def _config(
    extra: Mapping[str, Any],
    source: str,
    environ: Mapping[str, str],
    service_account: Path,
    keepalive: tuple[int, int, int],
) -> ClusterConfig:
    fields = Fields(extra)
    in_cluster = _truth(fields.get("in_cluster"))
    content, path = fields.get("kube_config"), fields.get("kube_config_path")
    context = text_of(fields.get("cluster_context"), f"cluster_context of the {source}")
    chosen = [
        name
        for name, given in (("in_cluster", in_cluster), ("kube_config_path", path), ("kube_config", content))
        if given
    ]
    if len(chosen) > 1:
        raise ConfigError(f"The {source} sets {' and '.join(chosen)}, which exclude each other: keep one.")
    if in_cluster:
        config = _pod(environ, service_account, source)
    elif path:
        config = _selected(
            kubeconfig.from_paths(str(path).split(os.pathsep), f"{source}, kube_config_path").select(context)
        )
    elif content:
        if not isinstance(content, str | Mapping):
            raise ConfigError(f"kube_config of the {source} must be an object or a text.")
        config = _selected(kubeconfig.from_content(content, f"kube_config of the {source}").select(context))
    else:
        config = _default(environ, service_account, context, source)
    config = replace(
        config,
        namespace=text_of(fields.get("namespace"), f"The namespace of the {source}") or config.namespace or "default",
        proxy=config.proxy or environment_proxy(config.server, environ),
    )
    if _boolean(fields.get("disable_verify_ssl")):
        config = replace(config, verify=False)
    _check(config)
    return replace(config, keepalive=None if _boolean(fields.get("disable_tcp_keepalive")) else keepalive)


def _check(config: ClusterConfig) -> None:
    usable.check_url(config.server, "server", config.source)
    if config.proxy:
        usable.check_proxy(config.proxy, config.source)
    if config.tls_server_name:
        usable.check_server_name(config.tls_server_name, config.source)
    usable.check_sent(config.namespace, config.impersonation, config.credential.basic or (), config.source)


def from_kubeconfig(path: str, *, context: str | None = None) -> ClusterConfig:
    """The cluster of a kubeconfig file, without any Airflow connection (command line, tests)."""
    return cluster_config({"kube_config_path": path, "cluster_context": context}, conn_id=path)


class Fields:
    """An extra's fields; those of before Airflow 2.3 carry a prefix."""

    def __init__(self, extra: Mapping[str, Any]) -> None:
        self._extra = extra

    def get(self, name: str) -> Any:
        key = name if name in self._extra else f"extra__kubernetes__{name}"
        return self._extra.get(key) or None


def _boolean(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _truth(value: Any) -> bool:
    return bool(value) and not (isinstance(value, str) and value.strip().lower() == "false")


def _default(environ: Mapping[str, str], service_account: Path, context: str | None, source: str) -> ClusterConfig:
    try:
        return _pod(environ, service_account, source)
    except ConfigError as error:
        outside = str(error)
    paths = environ.get("KUBECONFIG") or "~/.kube/config"
    named = "KUBECONFIG" if environ.get("KUBECONFIG") else "the default kubeconfig"
    try:
        config = kubeconfig.from_paths(paths.split(os.pathsep), f"{source}, {named}")
    except ConfigError as error:
        raise ConfigError(
            f"The {source} selects no cluster. {outside} {error} "
            "Set in_cluster, kube_config_path or kube_config in the connection's extra."
        ) from None
    return _selected(config.select(context))


def _pod(environ: Mapping[str, str], service_account: Path, source: str) -> ClusterConfig:
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise ConfigError(f"{source}: this process does not run in a pod (KUBERNETES_SERVICE_HOST is not set).")
    token, authority, namespace = (service_account / name for name in ("token", "ca.crt", "namespace"))
    for path in (token, authority):
        if not path.is_file() or not path.stat().st_size:
            raise ConfigError(f"{source}: the pod has no service account token: {path} is missing or empty.")
    return ClusterConfig(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace.read_text().strip() if namespace.is_file() else "",
        source=f"{source}, the pod's service account",
        authority=Pem(file=str(authority)),
        credential=Credential(token_file=str(token)),
    )


def _selected(chosen: Selected) -> ClusterConfig:
    cluster, user = chosen.cluster, chosen.user
    server = cluster.text("server").rstrip("/")
    if urlsplit(server).scheme not in ("http", "https"):
        raise ConfigError(
            f"{chosen.source}: the server of cluster {quoted(cluster.name)} must be an http:// or https:// URL, "
            f"not {quoted(server)}."
        )
    return ClusterConfig(
        server=server,
        namespace=chosen.namespace,
        source=f"{chosen.source}, context {quoted(chosen.context)}",
        authority=_pem(cluster, "certificate-authority"),
        verify=not _boolean(cluster.values.get("insecure-skip-tls-verify")),
        tls_server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url"),
        credential=_credential(chosen),
        impersonation=_impersonation(user),
    )


def _pem(entry: Entry, key: str) -> Pem:
    if entry.text(f"{key}-data"):
        return Pem(data=entry.bytes(f"{key}-data"))
    path = entry.path(key)
    if path and not os.path.isfile(path):
        raise ConfigError(f"The kubeconfig's {key} of {quoted(entry.name)} does not exist: {cut(path)}.")
    return Pem(file=path)


def _credential(chosen: Selected) -> Credential:
    """The first that is there, in the Python client's order, with the client certificate beside it."""
    user = chosen.user
    certificate = _pem(user, "client-certificate")  # without a client-key its file holds both
    base = Credential(certificate=certificate, key=_pem(user, "client-key"))
    if isinstance(provider := user.values.get("auth-provider"), Mapping):
        from airflow_ack_sagemaker.kube.connection.auth_provider import token_of

        others = user.text("token") or user.text("tokenFile") or user.values.get("exec") or certificate
        if token := token_of(provider, user.name, required=not others):
            return replace(base, token=token)
    if user.text("token"):
        return replace(base, token=user.text("token").strip())
    if user.text("tokenFile"):
        return replace(base, token_file=user.path("tokenFile"))
    if isinstance(plugin := user.values.get("exec"), Mapping):
        return replace(base, plugin=_plugin(plugin, chosen))
    if user.text("username") and "password" in user.values:
        return replace(base, basic=(user.text("username"), user.text("password")))
    return base


def _plugin(values: Mapping[str, Any], chosen: Selected) -> ExecPlugin:
    name = f"the exec plugin of user {quoted(chosen.user.name)} ({chosen.source})"
    texts = {key: text_of(values.get(key), f"The {key} of {name}") for key in ("command", "apiVersion", "installHint")}
    command, version = texts["command"], texts["apiVersion"]
    if not command:
        raise ConfigError(f"{name} has no command.")
    if version not in _EXEC_VERSIONS:
        raise ConfigError(f"{name} has apiVersion {quoted(version)}; known are {', '.join(sorted(_EXEC_VERSIONS))}.")
    if values.get("interactiveMode") == "Always":
        raise ConfigError(f"{name} wants a terminal (interactiveMode: Always), which a task does not have.")
    if os.path.dirname(command):
        command = os.path.normpath(os.path.join(chosen.user.base, command))
    return ExecPlugin(
        api_version=version,
        command=command,
        args=tuple(text_of(argument, f"An argument of {name}") for argument in values.get("args") or ()),
        env=tuple(
            (
                text_of(item["name"], f"A variable (env) of {name}"),
                text_of(item.get("value"), f"A variable (env) of {name}"),
            )
            for item in values.get("env") or ()
        ),
        directory=chosen.user.base,
        cluster=_cluster_info(chosen.cluster) if values.get("provideClusterInfo") else "",
        hint=texts["installHint"],
    )


def _cluster_info(cluster: Entry) -> str:
    """What a plugin is told about its cluster: ExecCredential's ``spec.cluster``."""
    info: dict[str, Any] = {key: cluster.values[key] for key in _CLUSTER_FIELDS if key in cluster.values}
    if authority := _pem(cluster, "certificate-authority").read("certificate authority"):
        info["certificate-authority-data"] = base64.b64encode(authority).decode()
    for extension in cluster.values.get("extensions") or []:
        if extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return json.dumps(info)


def _impersonation(user: Entry) -> tuple[tuple[str, str], ...]:
    headers = [("Impersonate-User", user.text("as")), ("Impersonate-Uid", user.text("as-uid"))]
    headers += [
        ("Impersonate-Group", text_of(group, "A group of as-groups")) for group in user.values.get("as-groups") or ()
    ]
    for key, values in (user.values.get("as-user-extra") or {}).items():
        escaped = re.sub(r"[^A-Za-z0-9!#$&'*+.^_`|~-]", lambda found: f"%{ord(found[0]):02X}", str(key))
        headers += [
            (f"Impersonate-Extra-{escaped}", text_of(value, "A value of as-user-extra")) for value in values or ()
        ]
    return tuple((name, value) for name, value in headers if value)
