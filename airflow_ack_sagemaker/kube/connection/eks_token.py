"""The token of an EKS cluster, made in this process: what ``aws eks get-token`` prints, without running it.

It is a presigned request for STS ``GetCallerIdentity`` whose signature covers the cluster's name. Source: the Amazon
EKS best practices guide ("cluster access management") and aws-iam-authenticator's README, "API Authorization from
Outside a Cluster". EKS takes it for 15 minutes, and only from the STS endpoint of a region.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from airflow_ack_sagemaker.kube.connection.credentials import ExecPlugin, Issued
from airflow_ack_sagemaker.kube.errors import ConfigError, CredentialsError

SECONDS = 14 * 60
"""How long a token is used: EKS refuses it after 15 minutes."""
_URL_SECONDS = 60
_PREFIX = "k8s-aws-v1."
_CLUSTER_HEADER = "x-k8s-aws-id"
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{1,12}){1,2}-[0-9]{1,2}")
_ROLE = re.compile(r"arn:aws[a-z-]{0,10}:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
_SERVER = re.compile(
    r"https://[0-9A-Za-z]{32}\.[0-9a-z]{3,4}\.(?P<region>[a-z0-9-]+)\.eks\."
    r"(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)(:443)?"
)
"""An endpoint of EKS: no other server may be sent a token that the server of whoever wrote the kubeconfig could use."""
_SUFFIXES = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""Domains of AWS in the regions of China and of the European Sovereign Cloud, as botocore has them."""
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_HARMLESS_VARIABLES = frozenset({"AWS_STS_REGIONAL_ENDPOINTS"})
_OPTIONS = {
    "aws": {
        "--cluster-name": "name", "--cluster-id": "name", "--region": "region", "--role-arn": "role", "--output": "",
        "--role": "role",  # shortened so by `aws eks update-kubeconfig --role-arn`
    },
    "aws-iam-authenticator": {
        "-i": "name", "--cluster-id": "name", "--region": "region", "-r": "role", "--role": "role",
    },
}  # fmt: skip
_VERBS = {"aws": ("eks", "get-token"), "aws-iam-authenticator": ("token",)}


@dataclass(frozen=True, slots=True)
class EksToken:
    """The token of a cluster.

    :param cluster_name: the cluster's name in EKS.
    :param region: AWS region; "" is the session's.
    :param role_arn: a role to take first; "": none.
    :param session: gives the boto3 session whose identity the token carries; called for each token.
    """

    cluster_name: str
    region: str = ""
    role_arn: str = ""
    session: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    def issue(self) -> Issued:
        """A new token. Blocks: STS is asked where there is a role to take.

        :raises CredentialsError: there is no AWS identity, or it may not take the role.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.signers import RequestSigner

        if self.session is None:
            raise CredentialsError(f"The token of EKS cluster {self.cluster_name!r} needs an AWS connection.")
        try:
            session = self.session()
            region = self.region or session.region_name or ""
            if not _REGION.fullmatch(region):
                raise CredentialsError(
                    f"The token of EKS cluster {self.cluster_name!r} needs a region. Set region_name in the AWS "
                    "connection, or --region in the kubeconfig."
                )
            credentials = self._identity(session, region)
            if credentials is None:
                raise CredentialsError(
                    f"The token of EKS cluster {self.cluster_name!r} was not made: the AWS connection has no identity. "
                    "Give it a key or a role, or give this process an identity (IRSA, pod identity)."
                )
            model = session.client("sts", region_name=region).meta.service_model
            signer = RequestSigner(model.service_id, region, "sts", "v4", credentials, session.events)
            suffix = _SUFFIXES.get(region.partition("-")[0], "amazonaws.com")
            url = signer.generate_presigned_url(
                {
                    "method": "GET",
                    "url": f"https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15",
                    "body": {},
                    "headers": {_CLUSTER_HEADER: self.cluster_name},
                    "context": {},
                },
                region_name=region,
                expires_in=_URL_SECONDS,
                operation_name="",
            )
        except (BotoCoreError, ClientError) as error:
            raise CredentialsError(
                f"The token of EKS cluster {self.cluster_name!r} was not made: {error} Check the AWS connection and "
                "its role."
            ) from error
        token = _PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        return Issued(token=token, expires=time.time() + SECONDS)

    def _identity(self, session: Any, region: str) -> Any:
        if not self.role_arn:
            return session.get_credentials()
        from botocore.credentials import Credentials

        taken = session.client("sts", region_name=region).assume_role(
            RoleArn=self.role_arn, RoleSessionName="airflow-ack-sagemaker"
        )["Credentials"]
        return Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])


def eks_token_of(plugin: ExecPlugin) -> EksToken | None:
    """The token that an exec plugin would print, where it is one of the two that are usual with EKS and says nothing
    else; None otherwise. The plugin is not run.
    """
    tool = PurePosixPath(plugin.command).name
    if tool not in _OPTIONS:
        return None
    options, words, found = _OPTIONS[tool], [], {"name": "", "region": "", "role": ""}
    for name, value in plugin.env:
        if name in _REGION_VARIABLES:
            found["region"] = found["region"] or value
        elif name not in _HARMLESS_VARIABLES:
            return None  # a profile, a file of credentials: another identity than the connection's
    arguments = iter(plugin.args)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not name.startswith("-"):
            words.append(argument)
        elif name not in options:
            return None
        else:
            found[options[name]] = value if equals else next(arguments, "")
    token = EksToken(found["name"], found["region"], found["role"])
    fits = (
        tuple(words) == _VERBS[tool]
        and _CLUSTER_NAME.fullmatch(token.cluster_name)
        and (not token.region or _REGION.fullmatch(token.region))
        and (not token.role_arn or _ROLE.fullmatch(token.role_arn))
    )
    return token if fits else None


def for_server(token: EksToken, server: str, session: Callable[[], Any]) -> EksToken:
    """The token with its identity, for the server that it is sent to.

    :raises ConfigError: that is no endpoint of EKS, or one of another region.
    """
    match = _SERVER.fullmatch(server)
    if match is None or (token.region and match["region"] != token.region):
        raise ConfigError(
            f"A token of EKS cluster {token.cluster_name!r} is sent to an endpoint of EKS only "
            "(https://<id>.<shard>.<region>.eks.amazonaws.com), in the region of the token."
        )
    return replace(token, region=token.region or match["region"], session=session)
