"""A page that a developer looks at cannot use the sandbox's AWS, and nobody has moto's own levers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from airflow_ack_sagemaker.sandbox.aws.endpoint import AwsEndpoint

TARGET = {"X-Amz-Target": "SageMaker.ListPipelines", "Content-Type": "application/x-amz-json-1.1"}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with AwsEndpoint() as endpoint, httpx.Client(base_url=endpoint.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/", {}),
        ("OPTIONS", "/", {}),
        ("GET", "/_sandbox/requests", {}),
        ("PUT", "/_sandbox/script", {}),
        ("PUT", "/bucket", {}),
        ("POST", "/", TARGET),
    ],
)
def test_no_page_is_answered(
    client: httpx.Client, method: str, path: str, more: dict[str, str], headers: dict[str, str]
) -> None:
    answer = client.request(method, path, headers={**more, **headers}, content=b"{}")
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_tools_are_answered(client: httpx.Client) -> None:
    assert client.get("/_sandbox/health").is_success
    assert client.get("/_sandbox/health", headers={"Sec-Fetch-Site": "none"}).is_success  # an address that is typed
    assert client.post("/", headers=TARGET, content=b"{}").is_success


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/moto-api/", "/moto-api"])
def test_motos_levers_are_not_there(client: httpx.Client, path: str) -> None:
    client.put("/kept").raise_for_status()
    assert client.post(path).status_code == 404
    assert client.head("/kept").is_success
