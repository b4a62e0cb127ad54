"""From a version to what serves it and back, and a decision about it."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from demo import story
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.plugin.served import arn_of, new_group
from tests.plugin.served import version as registered
from tests.ui import served
from tests.ui.browser import Chromium, Visit


def row(visit: Visit, text: str) -> Locator:
    """A version's row."""
    table = visit.ours.get_by_role("table", name="Versions")
    return table.locator("tbody").get_by_role("row").filter(has_text=text)


def test_from_a_version_to_what_serves_it_and_back(chromium: Chromium, sandbox: SandboxProcess) -> None:
    served.fill(sandbox)
    with chromium.visit() as visit:
        visit.open(view="models")
        visit.click(row(visit, f"{served.GROUP}/1").get_by_role("link", name=served.ENDPOINT))
        card = visit.ours.get_by_role("article", name=f"Endpoint {served.ENDPOINT}")
        expect(card).to_contain_text(served.REASON)
        expect(card).to_contain_text("Tried")
        visit.click(card.get_by_role("link", name=f"{served.GROUP}/1").first)
        expect(visit.ours.get_by_text("The newest approved version of this group is 1.")).to_be_visible()
        expect(visit.ours.get_by_label("Group")).to_have_value(served.GROUP)
        visit.click(visit.ours.get_by_role("link", name="Executions", exact=True))
        expect(visit.ours.get_by_role("searchbox")).to_have_value("")
        assert len(visit.documents) == 1, "following a link loads no page"


def test_who_may_edit_the_dag_rejects_a_version(chromium: Chromium, sandbox: SandboxProcess) -> None:
    place = served.fill(sandbox)
    name = registered(place, new_group(place), story.CHURN.dag_id)
    label = str(arn_of(place, name)).partition("model-package/")[2]
    with chromium.visit("viewer") as visit:
        visit.open(view="models")
        expect(row(visit, label)).to_be_visible()
        expect(row(visit, label).get_by_role("button")).to_have_count(0)
    with chromium.visit() as visit:
        visit.open(view="models")
        visit.click(row(visit, label).get_by_role("button", name="Reject"))
        dialog = visit.ours.get_by_role("dialog", name="Reject this version?")
        visit.click(dialog.get_by_role("button", name="Cancel"))
        expect(dialog).to_have_count(0)
        visit.click(row(visit, label).get_by_role("button", name="Reject"))
        visit.click(dialog.get_by_role("button", name=f"Reject {label}"))
        expect(row(visit, label)).to_contain_text("Rejected")
    sagemaker = sandbox.aws_client("sagemaker")
    wait_until(
        lambda: (
            sagemaker.describe_model_package(ModelPackageName=arn_of(place, name))["ModelApprovalStatus"] == "Rejected"
        ),
        120,
        "SageMaker to know it",
    )
    sagemaker.close()
