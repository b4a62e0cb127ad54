"""Endpoints at a glance: what serves, what was rolled back, and whose they are."""

from __future__ import annotations

import json
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.serving import (
    ANNOTATION_METRICS,
    ANNOTATION_MODEL,
    ANNOTATION_SERVES,
    LABEL_ENDPOINT,
)
from airflow_ack_sagemaker.core.lifecycle.standing import Standing
from airflow_ack_sagemaker.core.pages.endpoints import (
    MAX_ROLLOUTS,
    ConfigRow,
    EndpointRow,
    Query,
    Seen,
    config_row,
    endpoint_row,
    page_of,
    prune_config,
    prune_endpoint,
    readable,
    served_by,
)
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_REPORTED, LABEL_ATTEMPT, RunIdentity, label_value
from airflow_ack_sagemaker.core.resource.status import State
from tests.core.lifecycle.recorded import objects
from tests.core.resources import SYNCED, resource

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/abalone/3"


def recorded(situation: str, which: int = -1) -> EndpointRow:
    return endpoint_row(json.loads(json.dumps(prune_endpoint(objects(situation, "re")[which]))), "prod")


def config(
    number: int,
    endpoint: str = "re",
    *,
    dag_id: str | None = "retraining",
    ended: str | None = "Succeeded",
    **notes: str,
) -> ConfigRow:
    identity = RunIdentity(dag_id or "x", f"run-{number}", "deploy")
    annotations = {**(identity.annotations() if dag_id else {}), ANNOTATION_MODEL: PACKAGE, **notes}
    if ended:
        annotations[ANNOTATION_REPORTED] = json.dumps({"state": ended, "try": 1, "at": 1_700_000_000})
    found = resource(
        "EndpointConfig",
        SYNCED,
        status={},
        spec={"endpointConfigName": f"rc{number}", "productionVariants": [{"variantName": "v"}]},
        name=f"rc{number}",
        annotations=annotations,
        labels={LABEL_ENDPOINT: label_value(endpoint), LABEL_ATTEMPT: "1"},
        creationTimestamp=f"2026-11-01T03:{number:02}:00Z",
    )
    pruned = prune_config(found)
    assert "productionVariants" not in pruned["spec"]
    return config_row(json.loads(json.dumps(pruned)), "prod")


def seen(situation: str, *configs: ConfigRow) -> Seen:
    (found,) = readable([recorded(situation)], configs, {"retraining"})
    return found


def ends(found: Seen) -> dict[str, str]:
    return {one["config"]: one["end"] for one in found.shown()["rollouts"]}


def test_one_that_serves() -> None:
    row = recorded("endpoint created")
    assert (row.endpoint, row.standing, row.state, row.serves, row.failure) == (
        "re",
        Standing.UPDATED,
        State.SUCCEEDED,
        "rc1",
        None,
    )
    assert row.progress.startswith("InService")
    assert ends(seen("endpoint created", config(1))) == {"rc1": "Serves"}


def test_a_rollback_is_none_that_serves_though_sagemaker_says_in_service() -> None:
    bad = config(2, ended="Failed")
    bad_name = recorded("endpoint update fails with a reason").asked
    row = recorded("endpoint update fails with a reason")
    assert (row.standing, row.status, row.serves, bad_name) == (Standing.ROLLED_BACK, "InService", "rc1", "rc-bad")
    assert row.reason == "The production variant did not pass the ping health check."
    found = seen("endpoint update fails with a reason", config(1), bad)
    assert ends(found) == {"rc2": "Failed", "rc1": "Serves"}
    assert (found.shown()["failed"], found.shown()["attempts"]) == (1, 2)
    assert found.model == PACKAGE
    assert found.shown()["version"] == {"group": "abalone", "number": 3}


def test_while_an_update_runs_the_former_one_serves() -> None:
    states = objects("endpoint update fails with a reason", "re")
    states[0]["metadata"].setdefault("annotations", {})[ANNOTATION_SERVES] = "rc1"
    row = endpoint_row(prune_endpoint(states[0]), "prod")
    assert (row.standing, row.serves) == (Standing.UPDATING, "rc1")
    wanted = json.loads(json.dumps(prune_config(resource("EndpointConfig", spec={"endpointConfigName": "rc-bad"}))))
    wanted["metadata"]["annotations"] = RunIdentity("retraining", "r", "deploy").annotations()
    wanted["metadata"]["labels"] = {LABEL_ENDPOINT: "re"}
    (found,) = readable([row], [config_row(wanted, "prod"), config(1)], {"retraining"})
    assert ends(found) == {"rc-bad": "RollingOut", "rc1": "Serves"}


def test_what_served_before_and_what_nobody_has_told_the_end_of() -> None:
    found = seen("endpoint created", config(1), config(2), config(3, ended=None), config(4, ended="Refused"))
    assert ends(found) == {"rc4": "Failed", "rc3": "Unknown", "rc2": "Replaced", "rc1": "Serves"}


def test_whose_it_is_the_configurations_tell() -> None:
    row = recorded("endpoint created")
    mine, other, nobodys = config(1), config(2, dag_id="other"), config(3, dag_id=None)
    assert readable([row], [other, nobodys], {"retraining"}) == []
    (found,) = readable([row], [mine, other, nobodys], {"retraining"})
    assert found.configs == (mine,)
    assert readable([row], [config(1, endpoint="another")], {"retraining"}) == []
    hidden = readable([row], [other], {"other"})[0]
    assert hidden.model is None, "rc1 is not of that DAG"


def test_an_endpoint_that_a_task_has_made_itself() -> None:
    made = objects("endpoint created", "re")[-1]
    made["metadata"]["annotations"] = RunIdentity("retraining", "r", "apply").annotations()
    row = endpoint_row(prune_endpoint(made), "prod")
    assert [one.endpoint for one in readable([row], [], {"retraining"})] == [row]
    assert readable([row], [], {"other"}) == []


def test_a_page_begins_with_what_has_failed() -> None:
    good, bad = seen("endpoint created", config(1)), seen("endpoint update fails with a reason", config(1))
    page = page_of([good, bad], Query(limit=1))
    assert (page.items, page.total) == ([bad], 2)
    assert page_of([good, bad], Query(search="ping HEALTH")).items == [bad]
    assert page_of([good, bad], Query(search="rolledback retraining")).total == 1
    assert page_of([good, bad], Query(offset=1)).items == [good]


def test_models_lead_to_the_endpoints_that_serve_them() -> None:
    found = served_by([seen("endpoint created", config(1))])
    assert found == {PACKAGE: [{"namespace": "ml", "endpoint": "re"}]}


def test_what_is_shown_is_bounded_and_json() -> None:
    many = [config(number, **{ANNOTATION_METRICS: '{"a": 1}'}) for number in range(1, 40)]
    shown = seen("endpoint created", *many).shown()
    assert len(shown["rollouts"]) == MAX_ROLLOUTS
    assert shown["attempts"] == 39
    assert len(json.dumps(shown)) < 20_000
    assert shown["rollouts"][0]["metrics"] == [{"name": "a", "value": 1.0}]


def test_an_artifact_is_a_model_without_a_version() -> None:
    found = seen("endpoint created", config(1, **{ANNOTATION_MODEL: "s3://b/model.tar.gz"})).shown()
    assert (found["model"], found["version"]) == ("s3://b/model.tar.gz", None)
    bare: dict[str, Any] = {"kind": "Endpoint"}
    row = endpoint_row(prune_endpoint(bare), "prod")
    assert (row.endpoint, row.standing, row.serves) == ("", Standing.UPDATING, None)
