"""Stock clients against both API servers, each in a process of its own; the long form: ``make test-clients``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from harness.waiting import HUNG
from tests.contract.clients import environment
from tests.contract.clients.environment import HERE
from tests.contract.servers import Namespace, Server
from tests.support.kubectl import find

PYTHON = (*sorted(HERE.glob("*_client.py")), HERE / "kopf_operator.py")
COMMANDS: dict[str, Callable[[], list[str]]] = {
    **{path.stem: partial(environment.python_command, path) for path in PYTHON},
    "kubectl": lambda: ["bash", str(HERE / "kubectl.sh")],
    "helm": lambda: ["bash", str(HERE / "helm.sh")],
    "client-go": lambda: [str(environment.leader())],
}


@pytest.mark.parametrize("client", COMMANDS)
def test_client(server: Server, namespace: Namespace, client: str, tmp_path: Path) -> None:
    command = COMMANDS[client]()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig))
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HERE": str(HERE),
        "KUBECONFIG": str(kubeconfig),
        "NAMESPACE": namespace.name,
        "NO_PROXY": "*",
        "KUBECTL": str(find()),
    }
    if client == "helm":
        variables["HELM"] = str(environment.helm())
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=HUNG, check=False)
    said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0, said
    assert done.stdout.splitlines()[-1:] == ["done"], said
