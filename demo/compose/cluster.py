"""Make a new kube-apiserver ready: the ACK kinds, and Airflow's service account with the rights that users give it.

    python -m demo.compose.cluster SERVER CERTIFICATE TOKEN DIRECTORY AIRFLOW_KUBECONFIG

CERTIFICATE and TOKEN are files, as is AIRFLOW_KUBECONFIG, which is written. In DIRECTORY the administrator's
`kubeconfig` for the controller is left.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import httpx

from harness.controlplane import kubeconfig
from harness.plain_client import connect
from harness.real_cluster import RealCluster
from harness.waiting import wait_until

START_SECONDS = 120.0
TOKEN_SECONDS = 365 * 86400
"""What docker-compose.yaml starts runs as long as somebody wants it to."""


def main(server: str, certificate: Path, token: Path, directory: Path, airflow_kubeconfig: Path) -> None:
    """Wait for the server, then install everything. Raises TimeoutError when it does not come up."""
    wait_until(certificate.exists, START_SECONDS, f"{certificate}, which kube-apiserver makes")
    config = kubeconfig(server, certificate.read_text(), token.read_text())
    with connect(config) as client:

        def ready() -> bool:
            try:
                return client.get("/readyz").is_success
            except httpx.TransportError:
                return False

        wait_until(ready, START_SECONDS, f"{server} to be ready")
    given = directory / "given"
    given.touch(mode=0o600)
    given.write_text(json.dumps(config))
    with RealCluster(directory, given=given, token_seconds=TOKEN_SECONDS) as cluster:
        shutil.copy(cluster.airflow_kubeconfig, airflow_kubeconfig)
        airflow_kubeconfig.chmod(0o600)
    print(f"{server} is ready.", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:6]))
