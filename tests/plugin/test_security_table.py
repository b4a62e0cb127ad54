"""Who gets what from each route: asked of a real API server, and written in docs/security.md.

    SECURITY_TABLE=write python -m pytest tests/plugin/test_security_table.py

fills the table anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness.waiting import wait_until
from tests.plugin.definitions import definition
from tests.plugin.served import listed, new_group, version
from tests.plugin.site import ACTION, Site
from tests.plugin.test_access import QUERY, routes

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- filled by tests/plugin/test_security_table.py -->", "<!-- end -->"
ASKERS = {
    "anonymous": None,
    "no right": "nobody",
    "reader": "viewer",
    "editor": "user",
    "other DAG's editor": "neighbour",
    "other site": "admin",
}
EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


def answer(site: Site, asker: str, method: str, path: str, rows: dict[str, dict[str, Any]]) -> str:
    """The status, and whether a browser hands the answer to a page of another site."""
    row = rows["model" if path.startswith("/api/models") else "execution"]
    where = path.format(namespace="default", name=row["name"], file="main.js")
    body = {"uid": row["uid"], "approved": True} if method == "POST" else None
    if asker == "other site":
        # What a page of another site can make a browser send: the user's cookie, no header of its own.
        with site.client(None) as client:
            client.cookies.set("_token", site.token("admin"))
            found = client.request(method, where, params=QUERY, headers=EVIL, json=body)
        assert "access-control-allow-origin" not in found.headers
        return f"{found.status_code}{', kept by the browser' if found.is_success else ''}"
    with site.client(ASKERS[asker]) as client:
        return str(client.request(method, where, params=QUERY, headers=ACTION, json=body).status_code)


def test_the_table_of_the_documentation(site: Site) -> None:
    pipeline = site.pipeline(definition())
    site.control("POST", "script", {"rules": [f"{pipeline}/Train=hold"]})
    try:
        name = site.execution(pipeline)
        with site.client() as client:
            package = version(site, new_group(site))
            known = {
                "execution": site.wait_shown(client, name, "Executing"),
                "model": wait_until(lambda: listed(client, "/api/models", package), 120, f"{package} to be shown"),
            }
        rows = [f"| route | {' | '.join(ASKERS)} |", f"| --- |{' --- |' * len(ASKERS)}"]
        # Whoever may stop it comes last.
        order = [asker for asker in ASKERS if asker != "editor"] + ["editor"]
        for method, path in sorted(routes(), key=lambda route: (route[0] == "POST", route[1])):
            cells = {asker: answer(site, asker, method, path, known) for asker in order}
            rows.append(f"| `{method} {path}` | {' | '.join(cells[asker] for asker in ASKERS)} |")
    finally:
        site.control("DELETE", "script")
    table = "\n".join(rows)
    before, _, rest = DOCUMENT.read_text().partition(f"{BEGIN}\n")
    written, mark, after = rest.partition(END)
    assert mark
    if os.environ.get("SECURITY_TABLE") == "write":
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
    else:
        assert written.strip() == table
