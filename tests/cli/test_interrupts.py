"""Ctrl-C in a command that follows something: it ends with 130, says how to come back, and nothing else ends."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from airflow_ack_sagemaker.cli.app import Exit
from airflow_ack_sagemaker.cli.interrupts import no_interrupt_lost
from harness.waiting import HUNG, wait_until
from tests.cli.stage import API, Stage
from tests.cli.world import ROLE, Cli, started
from tests.sandbox.specs import SPECS

Interrupted = Callable[..., str]


@pytest.fixture
def interrupted(stage: Stage, tmp_path: Path) -> Interrupted:
    """Runs a command until it has printed a text, and interrupts it; what it has printed."""

    def run(*arguments: str, at: str) -> str:
        path = tmp_path / "printed"
        with path.open("w") as printed:
            process = started(stage.world, *arguments, stdout=printed, stderr=printed)
            try:
                # Who ends before has not said it: that is no reason to wait.
                wait_until(
                    lambda: at in path.read_text() or process.poll() is not None,
                    HUNG,
                    lambda: f"{at!r} in {path.read_text()!r}",
                    every=0.05,
                )
                assert at in path.read_text(), path.read_text()
                process.send_signal(signal.SIGINT)
                status = process.wait(HUNG)
            finally:
                process.kill()
                process.wait()
        text = path.read_text()
        assert status == Exit.INTERRUPTED, text
        assert "Traceback" not in text
        return text

    return run


@pytest.fixture
def held(cli: Cli, stage: Stage) -> Iterator[str]:
    """An execution that stays in its first step."""
    stage.world.sandbox.script.add("promised/Prepare=hold")
    name: str = cli.done("run", "promised", "--no-wait", "-o", "json").json[0]["name"]
    wait_until(lambda: cli.done("describe", name, "-o", "json").json["steps"], HUNG, "its first step")
    yield name
    goes_on(stage)


def goes_on(stage: Stage) -> None:
    """Nothing is held any more."""
    stage.world.sandbox.script.clear()
    httpx.post(f"{stage.world.sandbox.aws_endpoint_url}/_sandbox/release", json={}, timeout=HUNG).raise_for_status()


@pytest.mark.parametrize(
    ("command", "at", "come_back"),
    [
        ("watch {0}", "Executing", "ack-sagemaker watch {0}{1}"),
        ("watch --pipeline promised", "Executing", "ack-sagemaker watch --pipeline promised{1}"),
        ("wait {0}", "Executing", "ack-sagemaker wait pipelineexecution/{0}{1}"),
        ("wait {0} {0}", "Executing", "Not waited for: ack-sagemaker wait pipelineexecution/{0}{1}"),
        ("logs {0} Prepare -f", "has written no logs", "ack-sagemaker logs {0} Prepare --follow{1}"),
    ],
)
def test_an_execution_goes_on(
    cli: Cli, stage: Stage, held: str, interrupted: Interrupted, command: str, at: str, come_back: str
) -> None:
    before = stage.asked_for()
    printed = interrupted(*command.format(held).split(), at=at)
    assert f"{come_back.format(held, place(stage))}\n" in printed
    assert stage.asked_for() == before
    assert cli.done("get", held, "-o", "json").json["status"]["pipelineExecutionStatus"] == "Executing"


def place(stage: Stage) -> str:
    """The option that a command is called with here."""
    return f" --namespace {stage.world.namespace}"


def test_a_retry_goes_on(cli: Cli, stage: Stage, interrupted: Interrupted) -> None:
    stage.world.sandbox.script.add("promised/Train=hold")
    failed = stage.things["failed"]
    printed = interrupted("retry", failed, failed, "--timeout", "600", at="Train: Executing")
    goes_on(stage)
    assert printed.count("Created pipelineexecution/") == 1
    assert f"\nNot launched: ack-sagemaker retry {failed} --timeout 600.0{place(stage)}\n" in printed
    (name,) = re.findall(r"ack-sagemaker wait pipelineexecution/(\S+)", printed)
    assert cli.done("wait", name, "-o", "json").json[0]["state"] == "Succeeded"


def test_a_rollout_goes_on(cli: Cli, stage: Stage, interrupted: Interrupted) -> None:
    stage.world.sandbox.script.add("endpoint/endpoint=hold")
    printed = interrupted("deploy", "endpoint", "another", "--endpoint-config", "two", at="Updating")
    goes_on(stage)
    assert f"\nNot begun: ack-sagemaker deploy another --endpoint-config two{place(stage)}\n" in printed
    assert "ack-sagemaker wait endpoint/endpoint" in printed
    cli.done("wait", "endpoint/endpoint")
    cli.done("rollback", "endpoint", "--to", "one")


def test_ctrl_c_counts_that_comes_while_a_generator_is_thrown_away() -> None:
    def stream() -> Iterator[None]:
        try:
            yield
        finally:
            signal.raise_signal(signal.SIGINT)

    def follow() -> None:
        with no_interrupt_lost():
            next(stream())
            threading.Event().wait(HUNG)

    # Python leaves Ctrl-C alone where a shell has started it in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            follow()
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def no_controller(stage: Stage) -> Iterator[None]:
    """Within it nobody reconciles anything."""
    controller = stage.world.sandbox.controller
    assert controller is not None
    controller.pause()
    wait_until(lambda: controller.resting, HUNG, "the controller to rest")
    try:
        yield
    finally:
        controller.resume()


def test_a_job_goes_on(cli: Cli, stage: Stage, interrupted: Interrupted) -> None:
    """It is no execution, which is what `stop` takes; and what was to be applied after it is named."""
    path = stage.world.folder / "jobs.yaml"
    names = ("job-a", "job-b")
    specs = [{**SPECS["TrainingJob"], "trainingJobName": name} for name in names]
    metadata = [{"kind": "TrainingJob", "apiVersion": API, "metadata": {"name": name}} for name in names]
    path.write_text(yaml.safe_dump_all([{**one, "spec": spec} for one, spec in zip(metadata, specs, strict=True)]))
    with no_controller(stage):
        printed = interrupted("apply", str(path), at="trainingjob/job-a: ")
    assert f"The job goes on. Come back to it: ack-sagemaker wait trainingjob/job-a{place(stage)}\n" in printed
    assert f"Not applied: trainingjob/job-b. Apply all of it again: ack-sagemaker apply {path}{place(stage)}" in printed
    assert "ack-sagemaker stop" not in printed
    assert cli("get", "trainingjob/job-b").status == 1


def test_a_deletion_goes_on(cli: Cli, stage: Stage, interrupted: Interrupted) -> None:
    cli.done("apply", stage.things["definition"], "--pipeline", "leaving", "--role-arn", ROLE)
    with no_controller(stage):
        printed = interrupted("delete", "pipeline", "leaving", "spare2", at="pipeline/leaving: ")
    assert f"The deletion goes on. See whether it is gone: ack-sagemaker get pipeline/leaving{place(stage)}" in printed
    assert f"Not deleted: ack-sagemaker delete pipeline/spare2{place(stage)}\n" in printed
    assert "ack-sagemaker wait" not in printed
    wait_until(lambda: cli("get", "pipeline/leaving").status == 1, HUNG, "the pipeline to be gone")
    cli.done("get", "pipeline/spare2")


def test_an_apply_goes_on(cli: Cli, stage: Stage, interrupted: Interrupted) -> None:
    with no_controller(stage):
        printed = interrupted(
            "apply", stage.things["other"], "--pipeline", "spare", "--role-arn", ROLE, at="pipeline/spare: "
        )
    assert "ack-sagemaker wait pipeline/spare" in printed
    assert cli.done("wait", "pipeline/spare", "-o", "json").json[0]["state"] == "Succeeded"
