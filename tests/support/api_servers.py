"""The API servers that tests run on: the sandbox's, and a real one, each started once for all tests.

The real one is kube-apiserver, built with Go and started here (``harness/controlplane.py``), or that of a cluster which
somebody gives to the tests: ``make test KUBECONFIG=path``, or, where Go is not there, ``KUBECONFIG`` of the
environment. Without any of them its tests are skipped with a sentence, and with ``CI=true`` they fail.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.controlplane import NoControlPlane
from harness.real_cluster import RealCluster
from tests.contract.servers import Namespace, Server, connected, fresh_namespace, sandbox
from tests.support.borrowed import borrowed
from tests.support.environment import scrubbed
from tests.support.kubectl import NoKubectl, find

EXPLICIT = "TESTS_KUBECONFIG"
"""What ``make test KUBECONFIG=path`` sets: ``KUBECONFIG`` itself may be in an environment by accident."""

COLUMNS = ("sandbox", "real")
_ran: Counter[str] = Counter()


def given() -> Path | None:
    """The kubeconfig of the cluster to use instead of starting one: the first of its files that exists.

    :raises NoControlPlane: none of them exists.
    """
    named = os.environ.get(EXPLICIT)
    if not named and not shutil.which("go") and not os.environ.get("CONTROLPLANE_BIN"):
        named = scrubbed.get("KUBECONFIG")
    if not named:
        return None
    for name in named.split(os.pathsep):
        if name and (path := Path(name).expanduser()).is_file():
            return path.resolve()
    raise NoControlPlane(f"KUBECONFIG names no file that exists: {named}")


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster | NoControlPlane]:
    """The real API server with the kinds, or why there is none. In CI, and when one was asked for, that is a failure.

    Airflow's namespace there is this session's own.
    """
    with ExitStack() as stack:
        try:
            folder, namespace = tmp_path_factory.mktemp("cluster"), f"airflow-{secrets.token_hex(4)}"
            path = given()
            kubeconfig = path and stack.enter_context(borrowed(path, folder / "borrowed", scrubbed))
            cluster = stack.enter_context(RealCluster(folder, namespace, kubeconfig))
        except NoControlPlane as missing:
            if os.environ.get("CI", "").lower() == "true" or os.environ.get(EXPLICIT):
                pytest.fail(f"No real API server, which is a must in CI and with KUBECONFIG=: {missing}", pytrace=False)
            yield missing
            return
        yield cluster


@pytest.fixture(scope="session")
def real_cluster(control_plane: RealCluster | NoControlPlane) -> RealCluster:
    """The real API server, or a skip."""
    if isinstance(control_plane, NoControlPlane):
        pytest.skip(f"No real API server: {control_plane}")
    return control_plane


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Server]:
    with ExitStack() as stack:
        yield sandbox(stack)


@pytest.fixture(scope="session")
def real_server(real_cluster: RealCluster) -> Iterator[Server]:
    with ExitStack() as stack:
        yield connected(stack, "real", real_cluster.kubeconfig)


@pytest.fixture(params=COLUMNS)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two in turn."""
    request.node.user_properties.append(("api server", request.param))
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def namespace(server: Server) -> Namespace:
    """A namespace of the case's own."""
    return fresh_namespace(server)


@pytest.fixture(scope="session")
def kubectl_binary() -> Path:
    """Stock kubectl, or a skip; in CI that is a failure."""
    try:
        return find()
    except NoKubectl as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"In CI kubectl is a must: {missing}", pytrace=False)
        pytest.skip(f"No kubectl: {missing}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and not report.skipped:
        _ran.update(str(value) for name, value in report.user_properties if name == "api server")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _ran:
        counted = ", ".join(f"{_ran[name]} cases on the {name} API server" for name in COLUMNS)
        terminalreporter.write_line(f"contract: {counted}")
