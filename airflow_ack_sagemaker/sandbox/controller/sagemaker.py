"""The controller's calls of AWS."""

from __future__ import annotations

import threading
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_ack_sagemaker.sandbox.api_model import loader
from airflow_ack_sagemaker.sandbox.controller.conditions import TERMINAL_CODES, Recoverable, Refusal, Terminal

_MODELED = frozenset({"ConflictException", "ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound"})
"""The errors that SageMaker's API model declares: for these the Go SDK has types, which print themselves in short."""


class Missing(Exception):
    """What was asked for does not exist in SageMaker."""


class Aws:
    """Clients for each region. Calls block; they may be made from several threads.

    :param endpoint_url: the endpoint of SageMaker and STS; None for AWS itself.
    :param credentials: (access key id, secret access key); None takes them as botocore finds them.
    """

    def __init__(self, endpoint_url: str | None, region: str, credentials: tuple[str, str] | None) -> None:
        self.region = region
        self.endpoint_url = endpoint_url
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", loader())
        if credentials is not None:
            self._session.set_credentials(*credentials)
        # One attempt only: the controller has its own back-off, and a refusal that was scripted once is to be seen.
        self._config = Config(
            connect_timeout=3,
            read_timeout=20,
            retries={"total_max_attempts": 1},
            max_pool_connections=40,
            # What SageMaker does not take, SageMaker says: the controller writes that into the resource.
            parameter_validation=False,
            proxies={} if endpoint_url else None,
        )
        self._model = self._session.get_service_model("sagemaker")
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = self._session.create_client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint_url,
                    config=self._config,
                    verify=None if self.endpoint_url is None else True,
                )
            return self._clients[key]

    def account(self) -> str:
        """The account number (GetCallerIdentity).

        :raises Exception: of botocore, AWS cannot be reached or refuses.
        """
        return str(self._client("sts", self.region).get_caller_identity()["Account"])

    def input_of(self, operation: str) -> Any:
        """The shape of an operation's request."""
        return self._model.operation_model(operation).input_shape

    def output_of(self, operation: str) -> Any:
        """The shape of an operation's answer."""
        return self._model.operation_model(operation).output_shape

    def call(
        self, region: str, operation: str, terminal: frozenset[str] = frozenset(), /, **request: Any
    ) -> dict[str, Any]:
        """Call an operation of SageMaker.

        :param terminal: the kind's own terminal codes.
        :raises Terminal: the error is one of the terminal codes.
        :raises Recoverable: any other error that SageMaker answers.
        :raises Exception: of botocore, SageMaker cannot be reached.
        """
        try:
            answer: dict[str, Any] = getattr(self._client("sagemaker", region), xform_name(operation))(**request)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            about = error.response["ResponseMetadata"]
            text = f"{code}: {message}" if code in _MODELED else f"api error {code}: {message}"
            chain = (
                f"operation error SageMaker: {error.operation_name}, https response error StatusCode: "
                f"{about['HTTPStatusCode']}, RequestID: {about.get('RequestId', '')}, {text}"
            )
            raise (Terminal if code in TERMINAL_CODES | terminal else Recoverable)(text, chain) from None
        return answer

    def describe(self, region: str, operation: str, missing: tuple[str, str], /, **request: Any) -> dict[str, Any]:
        """Call a Describe operation.

        :param missing: code and a part of the message of the error that says that there is no such thing.
        :raises Missing: there is no such thing.
        """
        code, part = missing
        try:
            return self.call(region, operation, **request)
        except Refusal as error:
            if f"{code}: " in error.message and part in error.message:
                raise Missing from None
            raise

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
