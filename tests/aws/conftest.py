"""An S3 over HTTP (moto's server) and Airflow connections to it; nothing of the machine's own AWS settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "definitions"
VERSIONED = "versioned"

Connect = Callable[..., str]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No credentials, certificates, proxies or profiles of this machine."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of an S3 of our own."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def boto(s3_url: str) -> Callable[[str], Any]:
    """boto3 clients of that endpoint, by service, that look at no environment."""
    from botocore.config import Config

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=s3_url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            verify=False,
            config=Config(proxies={}),
        )

    return client


@pytest.fixture(scope="session")
def s3(boto: Callable[[str], Any]) -> Any:
    """A client with two buckets, one of them versioned."""
    client = boto("s3")
    client.create_bucket(Bucket=BUCKET)
    client.create_bucket(Bucket=VERSIONED)
    client.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Makes an Airflow connection to an endpoint; gives its id."""

    def make(url: str, conn_id: str = "s3_here", *, credentials: bool = True, **extra: Any) -> str:
        connection = {
            "conn_type": "aws",
            # One attempt: that boto3 tries again is boto3's affair, and would only take time here.
            "extra": {
                "endpoint_url": url,
                "region_name": "us-east-1",
                "config_kwargs": {"retries": {"total_max_attempts": 1}, "connect_timeout": 5, "read_timeout": 5},
                **extra,
            },
        }
        if credentials:
            connection |= {"login": "key", "password": "secret"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return conn_id

    return make


@pytest.fixture
def conn_id(s3_url: str, s3: Any, connect: Connect) -> str:
    """An Airflow connection to the S3 with the buckets."""
    return connect(s3_url)


class CannedServer:
    """Answers every request with one answer, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, dict[str, str](), b""
        self.requests: list[str] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canned.requests.append(self.path)
                self.send_response(canned.status)
                for name, value in canned.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in canned.headers:
                    self.send_header("Content-Length", str(len(canned.body)))
                self.end_headers()
                self.wfile.write(canned.body)

            do_POST = do_HEAD = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def error(self, status: int, code: str, message: str, **headers: str) -> None:
        """Answer with an error as S3 writes them."""
        self.status = status
        self.headers = {"Content-Type": "application/xml", **{k.replace("_", "-"): v for k, v in headers.items()}}
        self.body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
        ).encode()

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def canned() -> Iterator[CannedServer]:
    """A server for the answers that moto does not give."""
    server = CannedServer()
    yield server
    server.stop()
