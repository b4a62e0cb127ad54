"""The AWS endpoint: S3 and STS (moto), SageMaker (pipelines here, the rest moto), and the sandbox's own control paths,
on one port.

Any credentials are accepted; the account is always 123456789012. The region is the one that a request was signed for.

Control paths, JSON over HTTP, no authentication (the endpoint is meant for loopback):

- ``/_sandbox/script`` (GET, PUT, POST, DELETE) and ``/_sandbox/release`` (POST): see
  :mod:`airflow_ack_sagemaker.sandbox.aws.script`;
- ``/_sandbox/requests``: GET gives the number of requests for each operation since the start or the last DELETE;
- ``/_sandbox/controller``: GET and PUT ``{"paused": bool}``, where the sandbox's controller runs in the same process;
  the answer also has ``resting``: paused, and what it was doing then is finished;
- ``/_sandbox/clock``: GET gives ``{"time": seconds since the epoch}``; PUT of the same moves a clock that is behind
  (``--start``) up to then, for all parts of this process;
- ``/_sandbox/health``: GET gives ``{"status": "ok"}``.

moto keeps its state for the process: endpoints that run at the same time in one process share their S3 buckets.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from airflow_ack_sagemaker.sandbox.aws import validation
from airflow_ack_sagemaker.sandbox.aws.engine import ACCOUNT, Engine
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, unknown_operation
from airflow_ack_sagemaker.sandbox.aws.identity import has_identities, nobody, refused_query
from airflow_ack_sagemaker.sandbox.aws.invocations import invocation, invoked_endpoint, refused_invocation
from airflow_ack_sagemaker.sandbox.aws.objects import read_object
from airflow_ack_sagemaker.sandbox.aws.operations import Operations, is_served
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptError
from airflow_ack_sagemaker.sandbox.aws.server import TARGET, Server, foreign
from airflow_ack_sagemaker.sandbox.clock import Clock, LateClock

log = logging.getLogger(__name__)

_FORM = "application/x-www-form-urlencoded"
_FORMS = (_FORM, "multipart/form-data")
_PREFIX = "/_sandbox/"
_MOTO_PREFIX = "/moto-api"
"""moto's own levers, which would forget what the controller and Airflow rely on."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class AwsEndpoint:
    """The endpoint, served from a thread.

    :param port: 0 takes a free one.
    :param script: the outcomes and refusals to start with.
    :param max_concurrent: running executions of a pipeline above which StartPipelineExecution answers
        ResourceLimitExceeded; None for no limit.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Clock | None = None,
        script: Script | None = None,
        max_concurrent: int | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.clock = clock or Clock()
        self.script = script or Script()
        self.max_concurrent = max_concurrent
        self.controller: Any = None
        """A controller with ``paused``, ``resting``, ``pause()`` and ``resume()``, for the control path."""
        self._regions: dict[str, Operations] = {}
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The endpoint's URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Listen and serve.

        :raises OSError: the port is taken (errno EADDRINUSE) or the address is not this machine's.
        """
        # Bound here and not by werkzeug, which prints to stderr and exits when it cannot.
        listener = socket.create_server(
            (self.host, self.port), family=socket.AF_INET6 if ":" in self.host else socket.AF_INET, backlog=512
        )
        self.port = listener.getsockname()[1]
        self._server = Server(self.host, self.port, self, listener.fileno())
        listener.close()
        _enter_moto()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox-aws", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, end open connections, forget what S3 holds. Calling it again does nothing."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        server.shutdown()
        thread.join()
        server.close_connections()
        server.server_close()
        _leave_moto()

    def __enter__(self) -> AwsEndpoint:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def engine(self, region: str = "us-east-1") -> Engine:
        """The pipelines of one region."""
        return self._region(region).engine

    @property
    def requests(self) -> dict[str, int]:
        """Requests for each operation so far; S3's are counted as ``S3:GET``, ``S3:PUT`` and so on."""
        with self._lock:
            return dict(self._requests)

    # -- WSGI

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if foreign(environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")):
            return _json({"error": "A page of another site may not ask here."}, 403)(environ, start_response)
        if path.startswith(_MOTO_PREFIX):
            return _json({"error": f"no {path} here"}, 404)(environ, start_response)
        if path.startswith(_PREFIX):
            return self._control(path.removeprefix(_PREFIX), Request(environ))(environ, start_response)
        if (name := invoked_endpoint(environ)) is not None:
            return self._invoke(name, environ)(environ, start_response)
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith(TARGET):
            if environ["REQUEST_METHOD"] == "PUT" and _media_type(environ) in _FORMS:
                # An object of S3 is bytes, whatever curl and others call it: moto would read a form instead.
                environ["CONTENT_TYPE"] = "binary/octet-stream"
            operation = self._query_action(environ)
            self._count(operation or f"S3:{environ['REQUEST_METHOD']}")
            refusal = self.script.refusal(operation) if operation else None
            if refusal is not None:
                return refused_query(refusal)(environ, start_response)
            if operation == "GetCallerIdentity" and not has_identities():
                return nobody(_signed_region(environ.get("HTTP_AUTHORIZATION", "")))(environ, start_response)
        result: Iterable[bytes] = self._moto(environ, start_response)
        return result

    def _query_action(self, environ: Environ) -> str:
        """The Action of a request of the query protocol (STS); empty for others. moto reads the body again."""
        if not environ.get("CONTENT_TYPE", "").startswith(_FORM):
            return ""
        body = self._moto._get_body(environ)
        return parse_qs(body or "").get("Action", [""])[0]

    def _count(self, operation: str) -> None:
        with self._lock:
            self._requests[operation] += 1

    def _region(self, name: str) -> Operations:
        with self._lock:
            if name not in self._regions:
                engine = Engine(name, self.clock, self.script, self.max_concurrent)
                self._regions[name] = Operations(engine, read_object)
            return self._regions[name]

    def sagemaker(self, operation: str, body: bytes, authorization: str) -> tuple[int, dict[str, str], bytes] | None:
        """The answer to an operation of SageMaker: status, headers, body. None leaves it to moto."""
        self._count(operation)
        try:
            refusal = self.script.refusal(operation)
            if refusal is not None:
                raise refusal
            if not is_served(operation):
                if not served_by_moto(operation):
                    raise unknown_operation(operation)
                return None
            request = _object(body)
            region = self._region(_signed_region(authorization))
            if not region.mine(operation, request):
                return None
            validation.check(operation, request)
            return _answer(200, region.answer(operation, request))
        except AwsError as error:
            return _answer(error.status, {"__type": error.code, "message": error.message})
        except Exception as error:
            # As SageMaker would: the client learns of it and the server goes on.
            log.exception("%s failed", operation)
            return _answer(500, {"__type": "InternalFailure", "message": f"{type(error).__name__}: {error}"})

    def _invoke(self, name: str, environ: Environ) -> Response:
        """InvokeEndpoint of the service sagemaker-runtime: which model answers, or what was scripted."""
        self._count("InvokeEndpoint")
        region = self._region(_signed_region(environ.get("HTTP_AUTHORIZATION", "")))
        try:
            if (refusal := self.script.refusal("InvokeEndpoint")) is not None:
                raise refusal
            return invocation(region, name, environ, self.script)
        except AwsError as error:
            return refused_invocation(error)

    # -- control

    def _control(self, name: str, request: Request) -> Response:
        method = request.method
        try:
            body = json.loads(request.get_data() or b"{}")
            if name == "health" and method == "GET":
                return _json({"status": "ok", "account": ACCOUNT, "speed": self.clock.speed})
            if name == "requests" and method in ("GET", "DELETE"):
                if method == "DELETE":
                    with self._lock:
                        self._requests.clear()
                return _json(self.requests)
            if name == "script" and method in ("GET", "PUT", "POST", "DELETE"):
                return self._control_script(method, body)
            if name == "release" and method == "POST":
                arn = body.get("Arn", body.get("PipelineExecutionArn"))
                regions = list(self._regions.values()) if arn is None else [self._region(arn.split(":")[3])]
                return _json({"released": sum(region.release(arn) for region in regions)})
            if name == "clock" and method in ("GET", "PUT"):
                if method == "PUT":
                    if not isinstance(self.clock, LateClock):
                        raise ValueError("This clock is not behind: start the sandbox with --start.")
                    self.clock.move_to(float(body["time"]))
                return _json({"time": self.clock.time()})
            if name == "controller" and method in ("GET", "PUT") and self.controller is not None:
                if method == "PUT":
                    (self.controller.pause if body["paused"] else self.controller.resume)()
                return _json({"paused": self.controller.paused, "resting": self.controller.resting})
        except (ScriptError, AwsError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"error": f"no {method} /_sandbox/{name} here"}, 404)

    def _control_script(self, method: str, body: Any) -> Response:
        rules = body.get("rules") if isinstance(body, dict) else body
        if method == "DELETE":
            self.script.clear()
        elif method == "POST":
            self.script.add(*(rules or ()))
        elif method == "PUT":
            if rules is not None:
                self.script.set(rules)
            if isinstance(body, dict) and "step_seconds" in body:
                self.script.step_seconds = float(body["step_seconds"])
        return _json({"rules": self.script.rules, "step_seconds": self.script.step_seconds})


def _media_type(environ: Environ) -> str:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def _object(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise AwsError("SerializationException", "The request is not JSON.") from None
    if not isinstance(request, dict):
        raise AwsError("SerializationException", "The request is no JSON object.")
    return request


def _answer(status: int, body: Any) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid4())}
    return status, headers, json.dumps(body).encode()


def _signed_region(authorization: str) -> str:
    """The region of a request's signature (AWS Signature Version 4: key/date/REGION/service/aws4_request)."""
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[2] if len(scope) == 5 else "us-east-1"


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


_running = 0
_running_lock = threading.Lock()


def served_by_moto(operation: str) -> bool:
    """Whether moto answers an operation of SageMaker: of others it makes a bare 500."""
    from moto.core.utils import camelcase_to_underscores
    from moto.sagemaker.responses import SageMakerResponse

    name = camelcase_to_underscores(operation)
    return operation in validation.operations() and callable(getattr(SageMakerResponse, name, None))


def _enter_moto() -> None:
    global _running
    with _running_lock:
        _running += 1


def _leave_moto() -> None:
    """Empty moto's backends when the last endpoint of this process ends: they live as long as the process otherwise."""
    global _running
    with _running_lock:
        _running -= 1
        if _running:
            return
    from moto.s3.models import s3_backends
    from moto.sagemaker.models import sagemaker_backends

    s3_backends.reset()
    sagemaker_backends.reset()
