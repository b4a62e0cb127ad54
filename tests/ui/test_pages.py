"""Each page, light and dark: no serious fault for those who cannot see or point, no scrolling to the side in a narrow
window, and a picture of it.

``make screenshots`` puts the pictures into docs/ui.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from tests.support.pictures import picture, save
from tests.ui.browser import NARROW, Chromium, Scheme, Visit, check_fits
from tests.ui.pages import PAGES, SHOWN

MOST_BYTES = 200_000


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_for_everybody(
    chromium: Chromium, airflow: AirflowProcesses, sandbox: SandboxProcess, tmp_path: Path, page: str
) -> None:
    with chromium.visit() as visit:
        PAGES[page](visit, airflow, sandbox)
        for scheme in get_args(Scheme):
            visit.page.emulate_media(color_scheme=scheme)
            expect(visit.page.locator("html")).to_have_class(scheme)
            check_accessible(visit)
            if page in SHOWN:
                path = picture(f"ui/{page}-{scheme}.png", tmp_path)
                save([visit.page.screenshot(animations="disabled")], path)
                assert path.stat().st_size < MOST_BYTES
        visit.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        check_fits(visit)
        check_accessible(visit)


def check_accessible(visit: Visit) -> None:
    """What is ours on the page; Airflow's own part is not for us to mend."""
    response = Axe().run(visit.page, context={"include": [".asm"]}, options={"resultTypes": ["violations"]}).response
    serious = [
        (fault["id"], fault["help"], [node["html"][:200] for node in fault["nodes"]])
        for fault in response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []
