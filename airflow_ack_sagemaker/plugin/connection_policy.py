"""What a connection may make the API server do.

A connection is data: whoever may edit one is not thereby the API server. On a worker that would gain nothing, since a
DAG's author runs code there anyway; in the API server it would give away Airflow's own keys. So a connection of the
pages may say which server, which key and which authority, in its own text; which files are read, and which programs
run, the operator says in the section ``[ack_sagemaker]`` of Airflow's configuration.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf

from airflow_ack_sagemaker.core.printable import quoted
from airflow_ack_sagemaker.kube.connection import kubeconfig
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, Fields, cluster_config, well_formed
from airflow_ack_sagemaker.kube.connection.credentials import Credential
from airflow_ack_sagemaker.kube.connection.eks_token import eks_token_of, for_server
from airflow_ack_sagemaker.kube.connection.proxy import environment_proxy
from airflow_ack_sagemaker.kube.errors import ConfigError

MAX_KUBECONFIG = 1_000_000
"""Characters of a kubeconfig in a connection's text."""
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_METADATA_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            # link-local (AWS, Azure, Google, ...); AWS, Google, Scaleway by IPv6; what a system takes for itself;
            # Azure, Alibaba, Oracle
            "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128", "0.0.0.0/8",
            "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32",
        ),
    )
)  # fmt: skip
_METADATA_HOSTS = frozenset(
    {"metadata", "metadata.goog", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)
# Addresses that end in one of IPv4: compatible (RFC 4291), translated (RFC 2765), by NAT64 (RFC 6052).
_ENDS_IN_IPV4 = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""A network's own prefixes of NAT64 (RFC 8215), each of 48, 56, 64 or 96 bits."""

_AWS_DATA = frozenset(
    {
        "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region_name", "role_arn", "external_id",
    }
)  # fmt: skip
_AWS_CONFIG = frozenset(
    {"connect_timeout", "max_pool_connections", "read_timeout", "region_name", "retries", "s3", "signature_version"}
)
_ASSUME_ROLE = frozenset(
    {
        "DurationSeconds", "ExternalId", "Policy", "PolicyArns", "RoleSessionName", "SourceIdentity", "Tags",
        "TransitiveTagKeys",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConnectionPolicy:
    """What the operator allows beyond data.

    :param kube_config_paths: kubeconfig files that a connection may name; their exec plugins run.
    :param aws_endpoint_urls: addresses that a connection to AWS may name.
    :param trusts_editors: a connection may name any file and program.
    """

    kube_config_paths: frozenset[str] = frozenset()
    aws_endpoint_urls: frozenset[str] = frozenset()
    trusts_editors: bool = False


def policy() -> ConnectionPolicy:
    """That of Airflow's configuration."""
    return ConnectionPolicy(
        frozenset(_path(one) for one in _listed("kube_config_paths")),
        frozenset(one.rstrip("/") for one in _listed("aws_endpoint_urls")),
        conf.getboolean("ack_sagemaker", "connection_editors_may_run_programs", fallback=False),
    )


def server_config(
    extra: Mapping[str, Any],
    *,
    conn_id: str,
    session: Callable[[], Any] | None,
    allowed: ConnectionPolicy,
    environ: Mapping[str, str] = os.environ,
) -> ClusterConfig:
    """The cluster of a connection of type ``kubernetes``, for the API server.

    :param session: gives the boto3 session of the cluster's ``aws_conn_id``, for a token of EKS; None: it has none.
    :raises ConfigError: the connection makes no sense, or is more than data.
    """
    if allowed.trusts_editors:
        return cluster_config(extra, conn_id=conn_id, environ=environ)
    fields = Fields(extra)
    content, paths = fields.get("kube_config"), fields.get("kube_config_path")
    if paths:
        named = [_path(path) for path in str(paths).split(os.pathsep) if path]
        if not allowed.kube_config_paths.issuperset(named):
            raise _refused(conn_id, "names a kubeconfig file that is not listed", "kube_config_paths")
        # What was compared is what is read: ".." may lead elsewhere through a link.
        extra = {**extra, "kube_config_path": os.pathsep.join(named)}
    elif content:
        _check_content(content, fields.get("cluster_context"), conn_id)
    config = cluster_config(extra, conn_id=conn_id, environ=environ)
    if content and not paths:
        return _as_data(config, conn_id, session, environ)
    if not config.verify and fields.get("disable_verify_ssl"):
        # The credential is the operator's, so whom it is sent to is the operator's to say.
        raise _refused(conn_id, "switches off the check of the server's certificate (disable_verify_ssl)")
    return config


def check_aws(connection: Any, allowed: ConnectionPolicy) -> None:
    """Refuse a connection of type ``aws`` that is more than data.

    :param connection: an Airflow connection.
    :raises ConfigError: it names a file, a program, a profile, a proxy, or an address that is not listed.
    """
    if allowed.trusts_editors:
        return
    conn_id = str(connection.conn_id)
    extra = connection.extra_dejson
    for key, value in extra.items():
        if key in _AWS_DATA or value is None:
            continue
        match key:
            case "endpoint_url":
                _check_endpoint(value, conn_id, allowed)
            case "service_config":
                for service in _mapping(value, key, conn_id).values():
                    if isinstance(service, Mapping) and service.get("endpoint_url"):
                        _check_endpoint(service["endpoint_url"], conn_id, allowed)
            case "assume_role_method" if value == "assume_role":
                pass
            case "assume_role_kwargs":
                _check_names(value, _ASSUME_ROLE, key, conn_id)
            case "config_kwargs":
                _check_names(value, _AWS_CONFIG, key, conn_id)
            case "verify" if value is True:
                pass
            case _:
                raise _refused(
                    conn_id, f"sets {quoted(str(key))}, which may lead to a file, a program or another address"
                )


def _check_content(content: Any, context: Any, conn_id: str) -> None:
    """Refuse a file before anything looks whether it is there."""
    source = f"Kubernetes connection {conn_id!r}"
    with well_formed(source):
        if len(content if isinstance(content, str) else json.dumps(content, default=str)) > MAX_KUBECONFIG:
            raise ConfigError(f"kube_config of the {source} is longer than {MAX_KUBECONFIG:,}.")
        context = kubeconfig.text_of(context, f"cluster_context of the {source}")
        chosen = kubeconfig.from_content(content, f"kube_config of the {source}").select(context)
        for entry in (chosen.cluster, chosen.user):
            for name in _FILES:
                if entry.text(name):
                    raise _refused(conn_id, f"names a file ({name}) in its kube_config; write its content instead")


def _as_data(
    config: ClusterConfig, conn_id: str, session: Callable[[], Any] | None, environ: Mapping[str, str]
) -> ClusterConfig:
    """The configuration of a kubeconfig that stands in a connection's text, where it names no file and no program.

    What it has become is looked at, and not only its text: nothing can be written in a way that is overlooked.
    """
    for url in (config.server, config.proxy):
        if url and _is_metadata(url):
            raise _refused(conn_id, "names an address of the cloud's metadata service")
    credential = config.credential
    if any((credential.token_file, config.authority.file, credential.certificate.file, credential.key.file)):
        raise _refused(conn_id, "names a file in its kube_config")
    if credential.plugin is None:
        return config
    token = eks_token_of(credential.plugin)
    if token is None:
        raise _refused(
            conn_id,
            "names a program (exec) in its kube_config, and not the usual one of EKS (aws eks get-token)",
        )
    if session is None:
        raise ConfigError(
            f"The Kubernetes connection {conn_id!r} needs a token of EKS, which is made from an AWS connection: set "
            "aws_conn_id in the cluster's entry of Airflow's option [ack_sagemaker] clusters."
        )
    own_proxy = config.proxy and config.proxy != environment_proxy(config.server, environ)
    if not config.verify or config.tls_server_name or config.impersonation or own_proxy:
        raise _refused(
            conn_id,
            "needs a token of EKS and changes the way to the server (proxy-url, tls-server-name, "
            "insecure-skip-tls-verify or impersonation)",
        )
    return replace(config, credential=Credential(issuer=for_server(token, config.server, session)))


def _check_endpoint(value: Any, conn_id: str, allowed: ConnectionPolicy) -> None:
    if str(value).rstrip("/") not in allowed.aws_endpoint_urls:
        raise _refused(conn_id, "names an endpoint_url that is not listed", "aws_endpoint_urls")


def _check_names(value: Any, known: frozenset[str], key: str, conn_id: str) -> None:
    for name in _mapping(value, key, conn_id):
        if name not in known:
            raise _refused(conn_id, f"sets {quoted(str(name))} in {key}")


def _mapping(value: Any, key: str, conn_id: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} of connection {conn_id!r} must be an object.")
    return value


def _is_metadata(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host in _METADATA_HOSTS:
        return True
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            # As the resolver reads it: 0xa9fea9fe and 169.254.43518 are the same address.
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return False
    meant = [address, *_ipv4_in(address)] if isinstance(address, ipaddress.IPv6Address) else [address]
    return any(one in network for one in meant for network in _METADATA_NETWORKS)


def _ipv4_in(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """The addresses of IPv4 that one of IPv6 may lead to: mapped, tunnelled (RFC 3056), translated."""
    yield from filter(None, (address.ipv4_mapped, address.sixtofour))
    octets = address.packed
    if address in _LOCAL_NAT64 or any(address in network for network in _ENDS_IN_IPV4):
        yield ipaddress.IPv4Address(octets[12:])
    if address in _LOCAL_NAT64:
        # A shorter prefix is followed by the address at once, around the ninth octet (RFC 6052, 2.2).
        after = octets[6:8] + octets[9:]
        yield from (ipaddress.IPv4Address(after[start : start + 4]) for start in range(3) if after[start])


def _refused(conn_id: str, what: str, option: str = "") -> ConfigError:
    remedy = f"list it in Airflow's option [ack_sagemaker] {option}, or see" if option else "see"
    there = "there" if option else "in Airflow's section [ack_sagemaker]"
    return ConfigError(
        f"Connection {conn_id!r} {what}. In the API server a connection is data only: {remedy} "
        f"connection_editors_may_run_programs {there}."
    )


def _path(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path.strip()))


def _listed(option: str) -> list[str]:
    text = conf.get("ack_sagemaker", option, fallback="") or ""
    return [one.strip() for one in text.split(",") if one.strip()]
