"""The application behind the pages."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from airflow_ack_sagemaker.plugin import actions, approvals, files, lifecycle, routes
from airflow_ack_sagemaker.plugin.responses import packed
from airflow_ack_sagemaker.plugin.settings import SettingsError
from airflow_ack_sagemaker.plugin.shared import Shared
from airflow_ack_sagemaker.plugin.single_flight import NotYet

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """The application."""
    # Its documentation would be open to everybody.
    app = FastAPI(title="ACK SageMaker", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.shared = Shared()
    for module in (routes, lifecycle, actions, approvals, files):
        app.include_router(module.router)
    app.add_exception_handler(SettingsError, _misconfigured)
    app.add_exception_handler(NotYet, _unavailable)
    app.add_exception_handler(RequestValidationError, _unreadable)
    return app


async def _misconfigured(_: Request, error: Exception) -> JSONResponse:
    log.error("%s", error)
    said = (
        "Airflow's option [ack_sagemaker] clusters is not what it should be. The API server's log says what is wrong."
    )
    return JSONResponse({"detail": said}, status_code=503)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)


async def _unreadable(_: Request, error: Exception) -> Response:
    """As FastAPI says it, but not what was given: an answer may not be able to hold that (a lone surrogate, NaN)."""
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    said = [{key: one.get(key) for key in ("type", "loc", "msg")} for one in problems]
    return Response(packed({"detail": said}), status_code=422, media_type="application/json")
