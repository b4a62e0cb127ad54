"""Debian's Chromium: users that log in through Airflow's own page, and pages that remember what goes wrong on them."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

from playwright.sync_api import (
    Browser,
    BrowserContext,
    JSHandle,
    Locator,
    Page,
    Request,
    StorageState,
    expect,
    sync_playwright,
)

from harness.airflow_processes import AirflowProcesses
from harness.environment import clean_environment

Scheme = Literal["light", "dark"]

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--no-proxy-server",
)
SIZE = (1280, 800)
NARROW = (400, 800)
MOST_MS = 300_000.0
"""Milliseconds after which a page has hung for sure. Airflow's script alone takes half a minute on a busy machine."""


class NoChromium(Exception):
    """Chromium is not installed; the message says what to do."""


def chromium() -> str:
    """The program. Raises NoChromium where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise NoChromium("Chromium is not installed. On Debian and Ubuntu: make system")
    return found


@dataclass
class Visit:
    """A page in a window of its own, and what has happened on it that should not.

    ``documents`` are the pages that were loaded: following a link inside Airflow loads none.
    """

    page: Page
    base: str
    problems: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    _asked: set[Request] = field(default_factory=set)

    def watch(self) -> None:
        """Begin to remember."""
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.page.on("request", self._request)
        self.page.on("requestfinished", lambda request: self._asked.discard(request))
        self.page.on("requestfailed", lambda request: self._asked.discard(request))

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        # What the browser itself says about a refused request is for the tests of rights to look at.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.documents.append(request.url)
            self._asked.clear()
        elif request.resource_type in ("fetch", "xhr"):
            self._asked.add(request)
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.problems.append(f"request: {request.url}")

    # -- where to go

    def open(self, path: str = "plugin/sagemaker", **search: str) -> Locator:
        """Go to a page of Airflow; the plugin's part of it, once that shows something."""
        self.page.goto(f"{self.base}/{path}" + (f"?{urlencode(search)}" if search else ""))
        return self.ours

    def execution(self, resource: Mapping[str, Any], cluster: str = "kubernetes_default") -> Locator:
        """Go to the page of one execution, once it shows that."""
        metadata = resource["metadata"]
        self.open(execution=f"{metadata['namespace']}/{metadata['name']}", cluster=cluster)
        self.article.wait_for()
        return self.article

    @property
    def ours(self) -> Locator:
        """The plugin's part of the page."""
        return self.page.locator(".asm")

    def rows(self, text: str = "") -> Locator:
        """The rows of the table of executions that have a text."""
        return (
            self.ours.get_by_role("table", name="Executions").locator("tbody").get_by_role("row").filter(has_text=text)
        )

    def click(self, wanted: Locator) -> None:
        """Click on something, once what the page has asked for is there and drawn.

        An answer that is drawn while the button of the mouse is down may put something else under it. The browser takes
        that for no click, and Playwright does not see it.
        """
        wanted.wait_for()
        self._draw()
        asked = set(self._asked)  # a page that polls always asks for something
        deadline = time.monotonic() + MOST_MS / 1000
        while left := asked & self._asked:
            assert time.monotonic() < deadline, f"There is no answer to {[request.url for request in left]}"
            self._draw()
        self._draw()
        wanted.click()

    def _draw(self) -> None:
        """Wait until the page has drawn what it knows."""
        self.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    def sort(self, column: str, direction: Literal["ascending", "descending"]) -> None:
        """Click on the head of a column of the table of executions, and wait until it has the order."""
        head = self.ours.get_by_role("columnheader", name=column)
        self.click(head.get_by_role("button"))
        expect(head).to_have_attribute("aria-sort", direction)

    def follow(self, text: str) -> None:
        """Click on the one execution in the table whose row has a text, and wait for its page."""
        self.click(self.rows(text).get_by_role("link", name=re.compile(", execution ")))
        self.article.wait_for()

    @property
    def article(self) -> Locator:
        """What is shown of one execution."""
        return self.ours.get_by_role("article", name=re.compile("^Execution "))

    @property
    def badge(self) -> Locator:
        """The state of the execution that is shown."""
        return self.article.locator("header .asm-badge")

    def step(self, name: str) -> Locator:
        """A step's node in the graph."""
        return self.ours.locator(f"[data-step='{name}']")

    def choose_step(self, name: str) -> Locator:
        """Click on a step, in the graph or in the list that narrow windows have instead; its details."""
        listed = self.ours.get_by_role("table", name="Steps").get_by_role("button", name=name)
        self.click(self.step(name).or_(listed))
        details = self.ours.get_by_role("region", name=f"Step {name}")
        details.wait_for()
        return details

    def fetch(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> int:
        """A request as the page makes it, with the user's session; its status."""
        script = """async ([method, url, body, headers]) => {
            const token = localStorage.getItem("token");
            if (token) headers["Authorization"] = `Bearer ${token.replaceAll('"', "")}`;
            return (await fetch(url, {method, headers, body: body === null ? undefined : JSON.stringify(body)})).status;
        }"""
        status: int = self.page.evaluate(script, [method, f"{self.base}/{path}", body, dict(headers or {})])
        return status


class Chromium:
    """The browser; a context manager. Each user of each Airflow logs in once.

    :param airflow: where its users go unless another one is named.
    """

    def __init__(self, airflow: AirflowProcesses, home: Path) -> None:
        self._airflow = airflow
        self._home = home
        self._states: dict[tuple[str, str], StorageState] = {}
        self._contexts: dict[tuple[Any, ...], BrowserContext] = {}

    def __enter__(self) -> Self:
        self._playwright = sync_playwright().start()
        try:
            # Without a folder that is given, each start has a new one for the user's data.
            self._browser: Browser = self._playwright.chromium.launch(
                executable_path=chromium(), args=list(FLAGS), env=dict(clean_environment(self._home))
            )
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._browser.close()
        self._playwright.stop()

    def _state(self, user: str, airflow: AirflowProcesses) -> StorageState:
        """A user's cookies and storage after the login, through Airflow's page."""
        key = (airflow.url, user)
        if key not in self._states:
            context = self._browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]})
            context.set_default_timeout(MOST_MS)
            page = context.new_page()
            page.goto(airflow.url)
            page.get_by_label("Username").fill(user)
            page.get_by_label("Password").fill(airflow.passwords[user])
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("link", name=re.compile("Dags", re.IGNORECASE)).first.wait_for()
            self._states[key] = context.storage_state()
            context.close()
        return self._states[key]

    @contextmanager
    def visit(
        self,
        user: str = "admin",
        *,
        scheme: Scheme = "light",
        size: tuple[int, int] = SIZE,
        at: AirflowProcesses | None = None,
    ) -> Iterator[Visit]:
        """A new page of a user. At its end nothing may have gone wrong on it."""
        airflow = at or self._airflow
        page = self._context(user, scheme, size, airflow).new_page()
        try:
            visit = Visit(page, airflow.url)
            visit.watch()
            yield visit
            assert not visit.problems, visit.problems
        finally:
            page.close()

    def _context(self, user: str, scheme: Scheme, size: tuple[int, int], airflow: AirflowProcesses) -> BrowserContext:
        """A window for the user, kept with what it has loaded: Airflow's UI is some megabytes of script."""
        key = (user, scheme, size, airflow.url)
        if key not in self._contexts:
            self._contexts[key] = self._browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                reduced_motion="reduce",
                timezone_id="UTC",
                locale="en-GB",
                storage_state=self._state(user, airflow),
            )
            self._contexts[key].set_default_timeout(MOST_MS)
        return self._contexts[key]


def task_instance(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """The path of the plugin's tab of a task instance."""
    mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
    run = quote(run_id, safe="")
    return f"dags/{dag_id}/runs/{run}/tasks/{quote(task_id)}{mapped}/plugin/sagemaker-execution"


def check_fits(visit: Visit) -> None:
    """Nothing makes the page wider than the window, and nothing ours wider than its place, once all is drawn."""
    over: JSHandle = visit.page.wait_for_function("""() => {
        const wide = (each) => each.scrollWidth > each.clientWidth;
        return ![document.documentElement, document.querySelector(".asm")].some(wide);
    }""")
    over.dispose()
