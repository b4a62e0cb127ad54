"""InvokeEndpoint, the one operation of the service sagemaker-runtime that is answered: REST and not JSON 1.1.

Source: the API model of sagemaker-runtime (``POST /endpoints/{EndpointName}/invocations``, its headers and errors).
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Response

from airflow_ack_sagemaker.sandbox.aws.errors import AwsError
from airflow_ack_sagemaker.sandbox.aws.operations import Operations
from airflow_ack_sagemaker.sandbox.aws.script import Script

_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
_STATUS = {"InternalFailure": 500, "ServiceUnavailable": 503, "ModelError": 424, "ModelNotReadyException": 429}


def invoked_endpoint(environ: dict[str, Any]) -> str | None:
    """The name of the endpoint that a request invokes; None: it is no invocation."""
    found = _PATH.fullmatch(environ.get("PATH_INFO", "")) if environ["REQUEST_METHOD"] == "POST" else None
    return unquote(found[1]) if found else None


def invocation(region: Operations, name: str, environ: dict[str, Any], script: Script) -> Response:
    """The answer: what the script says, else JSON that says which configuration, variant and model have answered.

    :raises AwsError: nothing of this name serves.
    """
    variant = environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT")
    component = environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_COMPONENT")
    with region.engine.lock:
        found = region.things.invoke(name, variant, component)
    said = script.answer(name)
    return Response(
        json.dumps(found) if said is None else said,
        200,
        mimetype="application/json",
        headers={"x-Amzn-Invoked-Production-Variant": str(found["variant"])},
    )


def refused_invocation(error: AwsError) -> Response:
    """A refusal, as REST services give it."""
    response = Response(json.dumps({"Message": error.message}), _STATUS.get(error.code, error.status))
    response.headers["x-amzn-ErrorType"] = error.code
    response.mimetype = "application/json"
    return response
