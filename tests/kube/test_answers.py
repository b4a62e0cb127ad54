"""What answers mean: how long a server may make us wait, and whose 403 it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.kube import requests
from airflow_ack_sagemaker.kube.answers import api_error, parse, parse_event, retry_after
from airflow_ack_sagemaker.kube.errors import (
    AdmissionDenied,
    ApiError,
    Forbidden,
    NamespaceTerminating,
    QuotaExceeded,
    ServerError,
    Unreachable,
)
from tests.kube.objects import execution

CREATE = requests.create(KIND, execution("x"), "ml")
RESOURCE = 'pipelineexecutions.sagemaker.services.k8s.aws "x" is forbidden: '


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("3600", 60.0),
        ("inf", 60.0),
        ("1e999", 60.0),
        ("0", None),
        ("-5", None),
        ("-inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
        pytest.param(format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True), 60.0, id="in two hours"),
        pytest.param(format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True), None, id="two hours ago"),
    ],
)
def test_a_server_makes_us_wait_a_minute_at_most(header: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": header}) == seconds


@pytest.mark.parametrize(
    ("asked", "seconds"), [(5, 5.0), (1e9, 60.0), (-1, None), ([1], None), ({}, None), ("x", None)]
)
def test_so_do_the_details(asked: Any, seconds: float | None) -> None:
    assert retry_after({}, {"retryAfterSeconds": asked}) == seconds


def refusal(status: int, message: str, **details: Any) -> ApiError:
    body = {"kind": "Status", "reason": "Forbidden", "message": message, "code": status, "details": details}
    return api_error(CREATE, "https://here", status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "message", "details", "kind", "advice"),
    [
        (
            403,
            RESOURCE + "unable to create new content in namespace ml because it is being terminated",
            {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]},
            NamespaceTerminating,
            "The namespace 'ml' is being deleted",
        ),
        (
            403,
            RESOURCE + "exceeded quota: team, requested: count/pipelineexecutions=1, used: 50, limited: 50",
            {},
            QuotaExceeded,
            "Raise the ResourceQuota 'team'",
        ),
        (
            403,
            'admission webhook "policy.example.com" denied the request: label owner is missing',
            {},
            AdmissionDenied,
            "'policy.example.com'",
        ),
        (400, 'admission webhook "policy.example.com" denied the request without explanation', {}, AdmissionDenied, ""),
        (
            422,
            RESOURCE + "ValidatingAdmissionPolicy 'owners' with binding 'all' denied request: no owner",
            {},
            AdmissionDenied,
            "'owners'",
        ),
    ],
)
def test_a_403_that_no_role_can_mend_has_its_own_advice(
    status: int, message: str, details: dict[str, Any], kind: type[ApiError], advice: str
) -> None:
    error = refusal(status, message, **details)
    assert type(error) is kind
    assert isinstance(error, Forbidden)
    assert advice in str(error)
    assert message in str(error)
    assert "RBAC" not in str(error)


def test_rbacs_403_names_the_permission() -> None:
    error = refusal(403, RESOURCE + 'User "airflow" cannot create resource "pipelineexecutions" in API group "x"')
    assert type(error) is Forbidden
    assert 'RBAC must allow verb "create"' in str(error)


@pytest.mark.parametrize(
    "line",
    [b"[]", b"1", b'{"type":"ADDED"}', b'{"type":"ADDED","object":[]}', b"\xff", b"[" * 100_000],
    ids=lambda line: repr(line[:30]),
)
def test_what_is_no_event_is_a_broken_watch(line: bytes) -> None:
    with pytest.raises(Unreachable, match="in the middle of an event"):
        parse_event(CREATE, "here", line)


def test_an_answer_that_is_nested_without_end_is_none_of_an_api_server() -> None:
    content = b'{"kind":"Status","a":' + b"[" * 100_000
    with pytest.raises(Unreachable, match="not a Kubernetes object"):
        parse(CREATE, "here", 200, {}, content)
    with pytest.raises(ServerError) as refused:
        parse(CREATE, "here", 500, {}, content)
    assert refused.value.foreign


@pytest.mark.parametrize("code", ['"x"', "[]", "null"])
def test_an_error_event_without_a_code_is_the_servers_error(code: str) -> None:
    with pytest.raises(ServerError):
        parse_event(CREATE, "here", f'{{"type":"ERROR","object":{{"kind":"Status","code":{code}}}}}'.encode())
