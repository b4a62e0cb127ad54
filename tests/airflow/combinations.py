"""The parts of the sandbox put together in other ways than the one that all tests of this folder use.

Each API server (the sandbox's, the real one) with the sandbox's controller and AWS together in one process, and apart.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from harness.real_cluster import RealCluster
from harness.sandbox_process import SandboxProcess, aws_connection, kubernetes_connection

NAMES = ("sandbox_together", "sandbox_apart", "real_together", "real_apart")
_SPEED = ("--speed", "20", "--step-seconds", "40")


class Combinations:
    """All combinations that can be had, running; a context manager.

    A combination's connections are ``kubernetes_<name>`` and ``aws_<name>``. On the real cluster each has a namespace
    of its own, since each has a controller of its own.
    """

    def __init__(self, directory: Path, cluster: RealCluster | None) -> None:
        self.aws: dict[str, SandboxProcess] = {}
        self._directory = directory
        self._cluster = cluster
        self._kubernetes: dict[str, dict[str, Any]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._sandbox(stack)
            if self._cluster is not None:
                self._real(stack, self._cluster)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def connections(self) -> dict[str, dict[str, Any]]:
        """The Airflow connections of all of them."""
        aws = {f"aws_{name}": aws_connection(process.aws_endpoint_url) for name, process in self.aws.items()}
        return {**self._kubernetes, **aws}

    def _start(self, stack: ExitStack, name: str, *options: str) -> SandboxProcess:
        return stack.enter_context(SandboxProcess(self._directory / name, *options))

    def _add(self, name: str, aws: SandboxProcess, kubeconfig: Path, namespace: str) -> None:
        self.aws[name] = aws
        self._kubernetes[f"kubernetes_{name}"] = kubernetes_connection(kubeconfig, namespace)

    def _sandbox(self, stack: ExitStack) -> None:
        together = self._start(stack, "sandbox", *_SPEED)
        self._add("sandbox_together", together, together.kubeconfig, "default")
        kubernetes = self._start(stack, "kubernetes", "--components", "kubernetes")
        aws = self._controlled(stack, "sandbox", kubernetes.kubeconfig, "default")
        self._add("sandbox_apart", aws, kubernetes.kubeconfig, "default")

    def _real(self, stack: ExitStack, cluster: RealCluster) -> None:
        kubeconfig = str(cluster.kubeconfig)
        one, other = f"{cluster.namespace}-together", f"{cluster.namespace}-apart"
        on_cluster = ("--components", "controller,aws", "--kubeconfig", kubeconfig, "--namespace", one)
        together = self._start(stack, "real", *on_cluster, *_SPEED)
        self._add("real_together", together, cluster.add_namespace(one), one)
        apart = self._controlled(stack, "real", cluster.kubeconfig, other)
        self._add("real_apart", apart, cluster.add_namespace(other), other)

    def _controlled(self, stack: ExitStack, name: str, kubeconfig: Path, namespace: str) -> SandboxProcess:
        """A controller and AWS, two processes, on a cluster."""
        aws = self._start(stack, f"{name}-aws", "--components", "aws", *_SPEED)
        counterparts = ("--kubeconfig", str(kubeconfig), "--aws-endpoint-url", aws.aws_endpoint_url)
        watch = ("--components", "controller", "--namespace", namespace)
        self._start(stack, f"{name}-controller", *watch, *counterparts, *_SPEED)
        return aws
