"""`docker compose up` ends with a successful run of the retraining DAG, which its schedule has started."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest
import yaml

from harness.airflow_api import FINISHED_RUN, AirflowApi
from harness.waiting import wait_until
from tests.compose import stand_ins
from tests.compose.engine import DockerFailed
from tests.compose.project import OURS, PROFILES, ROOT, Project, images

DAG_ID = "scheduled_retraining"
UP_SECONDS = 1800
_SECRET = re.compile("PASSWORD|SECRET|FERNET")
RUN_SECONDS = 420


def up(project: Project, *options: str, profile: str | None = None) -> None:
    """`docker compose up`, which waits until every service is healthy or has done its work."""
    begun = time.monotonic()
    command = ("up", *options, "--detach", "--wait", f"--wait-timeout={UP_SECONDS}")
    try:
        project.compose(*command, profile=profile, timeout=UP_SECONDS + 600)
    except DockerFailed as error:
        pytest.fail(f"{error}\n{project.logs()}", pytrace=False)
    print(f"docker compose up ({profile or 'default'}): {time.monotonic() - begun:.0f} s")


def login(project: Project) -> tuple[str, str]:
    """Airflow's user and password, where the user is told to look for them."""
    told = re.search(r"as (\S+) with the password (\S+)", project.compose("logs", "--no-color", "passwords").stdout)
    assert told is not None
    return told[1], told[2]


@pytest.fixture(scope="module")
def airflow(project: Project) -> Iterator[AirflowApi]:
    """The API of Airflow after `docker compose up`."""
    up(project, "--build")
    with AirflowApi(f"http://127.0.0.1:{project.port}", *login(project)) as api:
        yield api


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_the_configuration_is_clean(project: Project, profile: str | None) -> None:
    checked = project.compose("config", profile=profile)
    assert checked.stderr == ""
    services = yaml.safe_load(checked.stdout)["services"]
    real = {"etcd", "kube-apiserver", "cluster-init", "ack-controller"} & services.keys()
    assert len(real) == (4 if profile == "cluster" else 0)
    assert ("sandbox-cluster" in services) == (profile != "cluster")


def test_nothing_is_open_to_the_network(project: Project) -> None:
    """Only Airflow's web server is published, on loopback."""
    for profile in PROFILES:
        services = json.loads(project.compose("config", "--format=json", profile=profile).stdout)["services"]
        published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
        assert set(published) == {"airflow-api-server"}
        assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}


SECRETS = {
    "airflow-init": {"airflow-secrets"},
    "airflow-api-server": {"airflow-secrets", "airflow-users", "kubeconfig"},
    "airflow-scheduler": {"airflow-secrets", "kubeconfig"},
    "airflow-dag-processor": {"airflow-secrets", "kubeconfig"},
    "airflow-triggerer": {"airflow-secrets", "kubeconfig"},
    "airflow-worker": {"airflow-secrets", "kubeconfig"},
    "postgres": {"database-secrets"},
    "redis": {"redis-secrets"},
    "kube-apiserver": {"cluster-secrets", "certificates"},
    "cluster-init": {"cluster-secrets", "certificates", "cluster", "kubeconfig"},
    "ack-controller": {"cluster"},
    "sandbox-cluster": {"kubeconfig"},
}
"""Service -> volumes with passwords, keys or tokens that it needs. `passwords` makes them; all others have none."""
WRITERS = {"airflow-api-server": {"airflow-users"}, "kube-apiserver": {"certificates"},
           "cluster-init": {"cluster", "kubeconfig"}, "sandbox-cluster": {"kubeconfig"}}  # fmt: skip
ROOT_FIRST = {"postgres", "redis"}
"""Their images begin as root to take their folders, and go on as users of their own."""


@pytest.mark.parametrize("profile", PROFILES)
def test_each_container_has_its_own_secrets_only(project: Project, profile: str) -> None:
    services = json.loads(project.compose("config", "--format=json", profile=profile).stdout)["services"]
    kept = set().union(*SECRETS.values())
    for name, service in services.items():
        mounted = {one["source"]: one for one in service.get("volumes", ()) if one["source"] in kept}
        if name != "passwords":
            assert set(mounted) == SECRETS.get(name, set()), name
            writable = {source for source, one in mounted.items() if not one.get("read_only")}
            assert writable == WRITERS.get(name, set()), name
        # A password in an environment is told to whoever may look at the container.
        told = {key: value for key, value in (service.get("environment") or {}).items() if _SECRET.search(key)}
        assert all(key.endswith(("_CMD", "_FILE")) or value == "sandbox" for key, value in told.items()), name
        assert not service.get("privileged")
        assert not service.get("cap_add")


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_is_told_to_run_as_root(project: Project, profile: str) -> None:
    """Whatever names no user has an image that does: ours and Airflow's."""
    services = json.loads(project.compose("config", "--format=json", profile=profile).stdout)["services"]
    for name, service in services.items():
        if name in ROOT_FIRST:
            continue
        user = service.get("user") or ("airflow" if service["image"] == OURS else "")
        assert user.partition(":")[0] not in ("", "0", "root"), name
    ours = (ROOT / "deploy" / "docker" / "Dockerfile").read_text().splitlines()
    assert [line for line in ours if line.startswith("USER ")][-1] == "USER airflow"


def not_as_root(project: Project) -> None:
    """No process of a running container is root's, but for the moment of a health check."""

    def of_root(container: str) -> list[str]:
        processes = project.engine.docker("top", container, "-eo", "uid,pid,args").splitlines()[1:]
        assert processes, container
        return [line for line in processes if line.split()[0] == "0"]

    for container in project.compose("ps", "--quiet").stdout.split():
        name = project.engine.docker(
            "inspect", "--format", '{{index .Config.Labels "com.docker.compose.service"}}', container
        )
        wait_until(lambda container=container: not of_root(container), 30, f"{name} to run nothing as root")  # type: ignore[misc]


def test_the_schedule_brings_a_successful_run(project: Project, airflow: AirflowApi) -> None:
    def ended() -> dict[str, str] | None:
        try:
            return next((run for run in airflow.dag_runs(DAG_ID) if run["state"] in FINISHED_RUN), None)
        except httpx.TimeoutException:  # a busy machine; the deadline below is what counts
            return None

    not_as_root(project)
    run = wait_until(ended, RUN_SECONDS, lambda: f"a scheduled run to end\n{project.logs()}", every=1.0)
    assert run["run_type"] == "scheduled"
    succeeded(project, airflow, run["dag_run_id"], run["state"])


def test_only_that_dag_starts_by_itself(airflow: AirflowApi) -> None:
    paused = {dag["dag_id"]: dag["is_paused"] for dag in airflow.request("GET", "/dags")["dags"]}
    assert paused.pop(DAG_ID) is False
    assert paused
    assert all(paused.values())


def test_a_real_cluster_takes_over(project: Project, airflow: AirflowApi) -> None:
    """The profile `cluster` on the same volumes: the same Airflow, for which cluster and AWS are new."""
    if project.engine.label(images()["redis"], stand_ins.LABEL):
        stand_ins.make_controller(project.engine, images()["ack-controller"], OURS)
    before = login(project)
    project.compose("stop", "sandbox-cluster", "sandbox-aws")
    up(project, profile="cluster")
    assert login(project) == before
    not_as_root(project)
    run_id, state = airflow.run_dag(DAG_ID, timeout=RUN_SECONDS)
    succeeded(project, airflow, run_id, state)


def succeeded(project: Project, airflow: AirflowApi, run_id: str, state: str) -> None:
    """A run has retrained the model; otherwise what everybody said is shown."""
    if state != "success":
        logs = "\n".join(airflow.task_log(DAG_ID, run_id, task) for task in airflow.states(DAG_ID, run_id))
        pytest.fail(f"The run has ended as {state}.\n{logs}\n{project.logs()}", pytrace=False)
    assert airflow.xcom(DAG_ID, run_id, "retrain")["status"] == "Succeeded"
