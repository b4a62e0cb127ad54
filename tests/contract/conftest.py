"""Every case of the contract runs on the sandbox's API server and on a real one.

The real one is kube-apiserver, built with Go and started here (see ``demo/controlplane.py``). Whoever has a
cluster for tests sets ``CONTRACT_KUBECONFIG`` to its kubeconfig instead; ``KUBECONFIG`` is not looked at, so that no
test ever writes into the cluster that somebody happens to work with. Without either the real column is skipped, and
with ``CI=true`` it fails.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.controlplane import NoControlPlane
from tests.contract.servers import Namespace, Server, fresh_namespace, real, sandbox
from tests.support.kubectl import Kubectl, NoKubectl, find

_ran: Counter[str] = Counter()


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Server]:
    with ExitStack() as stack:
        yield sandbox(stack)


@pytest.fixture(scope="session")
def real_server() -> Iterator[Server]:
    with ExitStack() as stack:
        try:
            server = real(stack)
        except NoControlPlane as missing:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"In CI the contract must run on a real API server: {missing}", pytrace=False)
            pytest.skip(f"No real API server to compare with: {missing}")
        yield server


@pytest.fixture(params=["sandbox", "real"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def namespace(server: Server) -> Namespace:
    """A namespace of the case's own."""
    return fresh_namespace(server)


@pytest.fixture(scope="session")
def kubectl_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kubectl keeps what it discovered, which costs it most of its time."""
    return tmp_path_factory.mktemp("kubectl")


@pytest.fixture(scope="session")
def kubectl_binary() -> Path:
    try:
        return find()
    except NoKubectl as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"In CI the contract must run with kubectl: {missing}", pytrace=False)
        pytest.skip(f"No kubectl: {missing}")


@pytest.fixture
def kubectl(server: Server, namespace: Namespace, kubectl_binary: Path, kubectl_homes: Path) -> Kubectl:
    """Stock kubectl in the case's namespace."""
    home = kubectl_homes / server.name
    home.mkdir(exist_ok=True)
    kubeconfig = home / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig))
    return Kubectl(kubectl_binary, kubeconfig, home, namespace.name)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and not report.skipped and "tests/contract/" in report.nodeid:
        parameters = report.nodeid.partition("[")[2]
        column = next((name for name in ("sandbox", "real") if name in parameters.rstrip("]").split("-")), None)
        if column:
            _ran[column] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _ran:
        counted = ", ".join(f"{_ran[name]} cases on the {name} API server" for name in ("sandbox", "real"))
        terminalreporter.write_line(f"contract: {counted}")
