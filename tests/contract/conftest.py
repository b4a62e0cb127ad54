"""Every case of the contract runs on the sandbox's API server and on a real one (``tests/support/api_servers.py``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.servers import Namespace, Server
from tests.support.kubectl import Kubectl


@pytest.fixture(scope="session")
def kubectl_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kubectl keeps what it discovered, which costs it most of its time."""
    return tmp_path_factory.mktemp("kubectl")


@pytest.fixture
def kubectl(server: Server, namespace: Namespace, kubectl_binary: Path, kubectl_homes: Path) -> Kubectl:
    """Stock kubectl in the case's namespace."""
    home = kubectl_homes / server.name
    home.mkdir(exist_ok=True)
    kubeconfig = home / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig))
    return Kubectl(kubectl_binary, kubeconfig, home, namespace.name)
