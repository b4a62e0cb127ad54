"""Names, parameters, tags and reasons that were written to do harm are shown as the text that they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from harness.airflow_processes import AirflowProcesses
from tests.ui.browser import NARROW, Chromium, Visit, check_fits, task_instance
from tests.ui.hostile import CLOSED, DAG, EVERY, IMAGE, LINK, PIPELINES, SCRIPT, SECRET


def check_harmless(visit: Visit) -> None:
    """Nothing was executed, nothing but text has come of it, and no link leads to a script."""
    found: dict[str, Any] = visit.page.evaluate("""() => {
        const FORBIDDEN = "script, img, iframe, object, embed, form, base, title, textarea";
        const ours = document.querySelector(".asm");
        const all = [...ours.querySelectorAll("*")];
        return {
            harmed: window.harmed ?? null,
            elements: all.filter((each) => each.matches(FORBIDDEN)).length,
            handlers: all.flatMap((each) => each.getAttributeNames()).filter((name) => name.startsWith("on")),
            links: [...ours.querySelectorAll("[href], [src], [action]")]
                .flatMap((each) => [each.getAttribute("href"), each.getAttribute("src"), each.getAttribute("action")])
                .filter((url) => url !== null && !/^([/?#]|https:)/.test(url)),
        };
    }""")
    assert found == {"harmed": None, "elements": 0, "handlers": [], "links": []}
    assert "62615533" not in visit.ours.inner_text(), "a template's product"


@pytest.mark.parametrize("size", [(1280, 800), NARROW], ids=["wide", "narrow"])
def test_the_table_shows_text(chromium: Chromium, shelved: AirflowProcesses, size: tuple[int, int]) -> None:
    with chromium.visit(at=shelved, size=size) as visit:
        visit.open(dag=DAG)
        expect(visit.rows()).to_have_count(len(PIPELINES))
        for name, pipeline in PIPELINES.items():
            expect(visit.rows(f"{name} <script>")).to_contain_text(pipeline, use_inner_text=False)
        more = visit.rows().get_by_role("button", name="More")
        for _ in PIPELINES:
            visit.click(more.first)
        expect(more).to_have_count(0)
        expect(visit.rows("markup:")).to_contain_text(SCRIPT)
        check_harmless(visit)
        check_fits(visit)


def test_an_execution_shows_text(chromium: Chromium, shelved: AirflowProcesses) -> None:
    with chromium.visit(at=shelved) as visit:
        visit.open(dag=DAG)
        for name in PIPELINES:
            visit.follow(f"{name} <script>")
            expect(visit.article).to_contain_text(f"{name}: {SCRIPT}")
            for fold in visit.article.locator("summary").all():
                visit.click(fold)
            yaml = visit.article.get_by_role("region", name="The resource as YAML")
            expect(yaml).to_contain_text("kind: PipelineExecution")
            visit.choose_step("Train")
            check_harmless(visit)
            check_fits(visit)
            # What looks like a secret is in no form anywhere on the page.
            expect(visit.article.get_by_role("row", name="ApiToken")).to_contain_text("masked")
            assert SECRET not in visit.page.content()
            visit.click(visit.ours.get_by_role("link", name="Executions"))


def test_pipelines_show_text(chromium: Chromium, shelved: AirflowProcesses) -> None:
    with chromium.visit(at=shelved) as visit:
        visit.open(view="pipelines")
        expect(visit.ours.get_by_role("article")).to_have_count(len(PIPELINES))
        expect(visit.ours.get_by_role("article").filter(has_text=LINK).first).to_be_visible()
        for fold in visit.ours.locator("summary").all():
            visit.click(fold)
        check_harmless(visit)
        check_fits(visit)


def test_what_the_address_says_is_no_instruction(chromium: Chromium, shelved: AirflowProcesses) -> None:
    with chromium.visit(at=shelved) as visit:
        for search in (
            {"q": CLOSED, "sort": LINK, "page": IMAGE, "size": "1e9", "state": SCRIPT, "pipeline": LINK, "dag": IMAGE},
            {"execution": "default/markup", "cluster": LINK},
            {"execution": f"default/{IMAGE}", "cluster": LINK},
            {"execution": "default/..", "view": SCRIPT, "step": IMAGE, "steps": LINK},
        ):
            visit.open(**search)
            alert, nothing = visit.ours.get_by_role("alert"), visit.ours.get_by_text("No executions found")
            expect(alert.or_(nothing).or_(visit.rows().first).first).to_be_visible()
            check_harmless(visit)


def test_a_link_to_such_a_run_stays_within_airflow(chromium: Chromium, shelved: AirflowProcesses) -> None:
    run_id = f"markup {EVERY}"[:250]
    with chromium.visit(at=shelved) as visit:
        visit.open(q="markup <script>")
        href = visit.rows("markup <script>").get_by_role("link", name="retrain", exact=True).get_attribute("href")
        assert href is not None
        path = task_instance(DAG, run_id, "retrain").removesuffix("/plugin/sagemaker-execution")
        assert unquote(href) == unquote(f"/{path}")
        assert href.count("/") == 6
