"""docker-compose.yaml as a project of its own: what Compose is asked, and what it says."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from harness.servers import free_port
from tests.compose import plugin
from tests.compose.engine import DockerFailed, Engine

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yaml"
PROFILES = ("sandbox", "cluster")
OURS = "airflow-ack-sagemaker"
_NAME = "ack-sagemaker-compose-test"


def images() -> dict[str, str]:
    """Service -> its official image; `airflow` is the one that ours is made from."""
    services = yaml.safe_load(FILE.read_text())["services"]
    ours = (ROOT / "deploy" / "docker" / "Dockerfile").read_text().splitlines()
    return {
        "airflow": next(line for line in ours if line.startswith("FROM")).removeprefix("FROM").strip(),
        **{name: service["image"] for name, service in services.items() if service["image"] != OURS},
    }


@dataclass(frozen=True)
class Project:
    """The project on an engine; Airflow is published on `port`."""

    engine: Engine
    port: int = field(default_factory=free_port)

    def compose(
        self, *arguments: str, profile: str | None = None, timeout: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`, without a profile unless one is given. Raises DockerFailed."""
        environment = {**self.engine.environment, "AIRFLOW_PORT": str(self.port), "COMPOSE_ANSI": "never"}
        options = ["--project-name", _NAME, "--progress", "plain", *(("--profile", profile) if profile else ())]
        done = subprocess.run(
            [*plugin.command(environment), *options, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise DockerFailed(f"docker compose {' '.join(arguments)}:\n{done.stdout}{done.stderr}"[-20000:])
        return done

    def logs(self) -> str:
        """What every container printed last."""
        return self.compose("logs", "--no-color", "--tail=60").stdout + self.compose("ps", "--all").stdout

    def down(self) -> None:
        """Remove containers, networks and volumes of all profiles."""
        self.compose("down", "--volumes", "--timeout=5", profile="*")
