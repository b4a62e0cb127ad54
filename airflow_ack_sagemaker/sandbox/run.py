"""Starts the parts of the sandbox in threads of this process, and says where they are."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.sandbox.clock import Clock

if TYPE_CHECKING:
    from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
    from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
    from airflow_ack_sagemaker.sandbox.controller import Controller

COMPONENTS = ("kubernetes", "controller", "aws")


class SandboxError(Exception):
    """The sandbox cannot be started as asked for. The message says what to change."""


class SandboxUseError(SandboxError, ValueError):
    """What is asked for makes no sandbox: an unknown part, one without its counterpart, a rule that is none."""


class Sandbox:
    """A cluster with the ACK kinds, an ACK controller and AWS; each part may be left out and replaced by another.

    ::

        with Sandbox(speed=60, script=["AbaloneTrain#1=Failed:out of memory"]) as sandbox:
            print(sandbox.kubeconfig_path, sandbox.aws_endpoint_url)

    :param components: which of ``kubernetes``, ``controller`` and ``aws`` to start.
    :param kubernetes_port: port of the Kubernetes API server; 0 takes a free one. Likewise ``aws_port``.
    :param directory: where ``kubeconfig``, ``environment.sh`` and ``sandbox.json`` are written; None makes
        a temporary one and removes it at the end.
    :param kubeconfig: the cluster for the controller, when it is not the sandbox's own. Likewise ``aws_endpoint_url``.
    :param namespace: the one that the controller watches; None for all.
    :param speed: how many times faster than real time durations pass.
    :param step_seconds: how long a pipeline step takes, before ``speed``.
    :param script: rules for outcomes, see :mod:`airflow_ack_sagemaker.sandbox.aws.script`.
    :param clock: instead of ``speed``, a clock of one's own.
    :param workers: how many resources of one kind the controller reconciles at the same time.
    :raises SandboxError: at the start: an unknown component, a missing counterpart, a port that is taken.
    """

    def __init__(
        self,
        *,
        components: Iterable[str] = COMPONENTS,
        host: str = "127.0.0.1",
        kubernetes_port: int = 0,
        aws_port: int = 0,
        directory: Path | str | None = None,
        kubeconfig: Path | str | dict[str, Any] | None = None,
        aws_endpoint_url: str | None = None,
        namespace: str | None = None,
        speed: float = 1.0,
        step_seconds: float = 20.0,
        script: Iterable[str] = (),
        clock: Clock | None = None,
        workers: int = 1,
        region: str = "us-east-1",
    ) -> None:
        self.components = frozenset(components)
        self.host = host
        self.kubernetes_port = kubernetes_port
        self.aws_port = aws_port
        self.namespace = namespace
        self.region = region
        self.workers = workers
        self.clock = clock or Clock(speed)
        self.aws: AwsEndpoint | None = None
        """The AWS endpoint, where it runs here."""
        self.controller: Controller | None = None
        """The controller, where it runs here."""
        self.kubernetes: ApiServer | None = None
        """The Kubernetes API server, where it runs here."""
        self.kubernetes_url: str | None = None
        self.token: str | None = None
        self._kubeconfig = kubeconfig
        self._aws_endpoint_url = aws_endpoint_url
        self._step_seconds = step_seconds
        self._rules = tuple(script)
        self._given_directory = directory
        self._directory: Path | None = None
        self._check()

    def _check(self) -> None:
        unknown = self.components.difference(COMPONENTS)
        if unknown or not self.components:
            names = ", ".join(sorted(unknown)) or "(none)"
            raise SandboxUseError(f"Unknown component {names}. There are {', '.join(COMPONENTS)}.")
        if "controller" in self.components:
            if "kubernetes" not in self.components and self._kubeconfig is None:
                raise SandboxUseError(
                    "The controller needs a cluster: start the component kubernetes too, or name one with --kubeconfig."
                )
            if "aws" not in self.components and self._aws_endpoint_url is None:
                raise SandboxUseError(
                    "The controller needs AWS: start the component aws too, or name one with --aws-endpoint-url."
                )

    # -- where things are

    @property
    def directory(self) -> Path:
        """The directory with ``kubeconfig``, ``environment.sh`` and ``sandbox.json``."""
        if self._directory is None:
            raise SandboxError("The sandbox is not started.")
        return self._directory

    @property
    def kubeconfig_path(self) -> Path:
        """The kubeconfig of the sandbox's cluster, as a file."""
        return self.directory / "kubeconfig"

    @property
    def kubeconfig(self) -> dict[str, Any]:
        """The kubeconfig of the sandbox's cluster. :raises SandboxError: no cluster was started here."""
        if self.kubernetes is None:
            raise SandboxError("The sandbox has no cluster of its own: the component kubernetes was not started.")
        return self.kubernetes.kubeconfig()

    @property
    def aws_endpoint_url(self) -> str | None:
        """The URL of S3, STS and SageMaker."""
        return self._aws_endpoint_url if self.aws is None else self.aws.url

    @property
    def script(self) -> Script:
        """The outcomes in force; may be changed while the sandbox runs.

        :raises SandboxError: no AWS was started here.
        """
        if self.aws is None:
            raise SandboxError("The sandbox has no AWS of its own: the component aws was not started.")
        return self.aws.script

    # -- starting and stopping

    def start(self) -> Sandbox:
        """Start everything; when it returns all servers answer."""
        try:
            self._make_directory()
            if "aws" in self.components:
                self._start_aws()
            if "kubernetes" in self.components:
                self._start_kubernetes()
            if "controller" in self.components:
                self._start_controller()
            self._write()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything; no thread is left. Calling it again does nothing."""
        for part in (self.controller, self.kubernetes, self.aws):
            if part is not None:
                part.stop()
        self.controller = self.kubernetes = self.aws = None
        if self._directory is not None:
            if self._given_directory is None:
                shutil.rmtree(self._directory, ignore_errors=True)
            else:
                for name in ("sandbox.json", "environment.sh"):
                    (self._directory / name).unlink(missing_ok=True)
            self._directory = None

    @property
    def environment(self) -> dict[str, str]:
        """What makes kubectl, boto3 and Airflow's connections ``kubernetes_default`` and ``aws_default`` lead here."""
        found: dict[str, str] = {}
        if self.kubernetes_url is not None:
            path = str(self.kubeconfig_path)
            kubernetes = {"conn_type": "kubernetes", "extra": {"kube_config_path": path, "namespace": "default"}}
            found |= {"KUBECONFIG": path, "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(kubernetes)}
        if self.aws is not None:
            extra = {"endpoint_url": self.aws.url, "region_name": self.region}
            aws = {"conn_type": "aws", "login": "sandbox", "password": "sandbox", "extra": extra}
            found |= {
                "AWS_ENDPOINT_URL": self.aws.url,
                "AWS_DEFAULT_REGION": self.region,
                "AWS_ACCESS_KEY_ID": "sandbox",
                "AWS_SECRET_ACCESS_KEY": "sandbox",
                "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(aws),
            }
        return found

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_directory(self) -> None:
        if self._given_directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="ack-sagemaker-sandbox-"))
        else:
            directory = Path(self._given_directory).absolute()
            directory.mkdir(parents=True, exist_ok=True)
            self._directory = directory

    def _start_aws(self) -> None:
        from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script, ScriptError

        try:
            script = Script(self._rules, self._step_seconds)
        except ScriptError as error:
            raise SandboxUseError(str(error)) from None
        aws = AwsEndpoint(self.host, self.aws_port, clock=self.clock, script=script)
        try:
            aws.start()
        except OSError as error:
            raise SandboxError(_cannot_listen("AWS endpoint", "--aws-port", self.host, self.aws_port, error)) from None
        self.aws = aws

    def _start_kubernetes(self) -> None:
        from airflow_ack_sagemaker.sandbox.apiserver import ApiServer

        self.token = secrets.token_urlsafe(24)
        kubernetes = ApiServer(self.host, self.kubernetes_port, self.token, now=self.clock.now)
        what = "Kubernetes API server"
        try:
            kubernetes.start()
        except OSError as error:
            raise SandboxError(
                _cannot_listen(what, "--kubernetes-port", self.host, self.kubernetes_port, error)
            ) from None
        self.kubernetes = kubernetes
        self.kubernetes_url = kubernetes.url

    def _start_controller(self) -> None:
        from airflow_ack_sagemaker.sandbox.controller import Controller

        kubeconfig = self.kubeconfig if self._kubeconfig is None else self._kubeconfig
        self.controller = Controller(
            kubeconfig, self.aws_endpoint_url, self.clock, self.namespace, workers=self.workers, region=self.region
        )
        self.controller.start()
        if self.aws is not None:
            self.aws.controller = self.controller

    def _write(self) -> None:
        path = None
        if self.kubernetes_url is not None:
            path = str(self.kubeconfig_path)
            # JSON is YAML: kubectl reads it, and nothing has to be escaped by hand.
            _write_private(self.kubeconfig_path, json.dumps(self.kubeconfig, indent=2) + "\n")
        about = {
            "kubeconfig": path,
            "kubernetes_url": self.kubernetes_url,
            "token": self.token,
            "aws_endpoint_url": self.aws_endpoint_url,
            "pid": os.getpid(),
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()]
        _write_private(self.directory / "environment.sh", "\n".join(lines) + "\n")
        # Last: who waits for it finds the others.
        _write_private(self.directory / "sandbox.json", json.dumps(about, indent=2) + "\n")


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all: a process that waits for it must not see a half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _cannot_listen(what: str, option: str, host: str, port: int, error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"The {what} cannot listen on {host}:{port} ({reason}). Choose another port with {option}, or 0 for a free one."
    )
