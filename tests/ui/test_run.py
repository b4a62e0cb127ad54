"""A run from its start to its end on the page of its execution, which nobody reloads, and a moving picture of it.

``make screenshots`` puts it into docs/ui.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from tests.airflow.support import Case
from tests.support.pictures import picture, save
from tests.ui import fraud
from tests.ui.browser import Chromium
from tests.ui.test_live import release

SIZE = (1080, 880)
MOST_BYTES = 400_000
STEPS = ("LabelCases", "TrainFraud", "EvaluateFraud", "GoodEnough", "ApproveFraud", "RegisterFraud", "TooWeak")


def test_a_run_is_shown_from_its_start_to_its_end(
    chromium: Chromium, airflow: AirflowProcesses, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    case = Case(airflow, sandbox, fraud.PIPELINE)
    case.apply(fraud.DEFINITION)
    case.script(*fraud.RULES)
    case.start(fraud.DAG_ID)
    taken: list[bytes] = []
    with chromium.visit(size=SIZE) as visit:
        visit.open(q=fraud.PIPELINE)
        visit.follow(fraud.PIPELINE)

        def take(status: str, *steps: str) -> None:
            """Once the execution and its steps are in these states."""
            expect(visit.badge).to_have_text(status)
            for name, state in zip(STEPS, steps, strict=True):
                expect(visit.step(name)).to_have_attribute("data-status", state)
            taken.append(visit.page.screenshot(animations="disabled"))

        take("Executing", "Executing", *["NotStarted"] * 6)
        fraud.answer(case, "LabelCases")
        take("Executing", "Succeeded", "Executing", *["NotStarted"] * 5)
        release(case)
        take("Executing", *["Succeeded"] * 4, "Executing", "NotStarted", "Skipped")
        fraud.answer(case, "ApproveFraud")
        take("Succeeded", *["Succeeded"] * 6, "Skipped")
        assert len(visit.documents) == 1

    path = picture("ui/run.gif", tmp_path)
    save(taken, path, seconds=[2.5] * (len(taken) - 1) + [5])
    assert path.stat().st_size < MOST_BYTES
    assert len(set(taken)) == len(taken) == 4
