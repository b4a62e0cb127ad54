"""The pages about SageMaker pipelines in the Airflow UI (entry point ``airflow.plugins``).

Every process of Airflow imports this module, so it says only what there is. The application is built in the API server,
at its first request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from airflow_ack_sagemaker import __version__

PREFIX = "/ack-sagemaker"
"""Where the application is mounted below Airflow's own address."""
NAME = "SageMaker"

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_DESTINATIONS = {
    "nav": "sagemaker",
    "dag": "sagemaker-dag",
    "dag_run": "sagemaker-run",
    "task": "sagemaker-task",
    "task_instance": "sagemaker-execution",
}
"""Where in the UI a page hangs, and its part of the address there."""


class LazyApp:
    """The application. The first request imports and builds it: FastAPI and our clients are not for every
    process.
    """

    def __init__(self) -> None:
        self._app: Callable[[_Scope, _Receive, _Send], Awaitable[None]] | None = None

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """An ASGI application."""
        if self._app is None:
            import asyncio

            # Imports hold up a thread rather than the event loop; of two at once, the second finds it done.
            app = await asyncio.to_thread(_build)
            self._app = self._app or app
        await self._app(scope, receive, send)


def _build() -> Any:
    from airflow_ack_sagemaker.plugin.app import create_app

    return create_app()


def _react_apps() -> list[dict[str, Any]]:
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX + "/static"
    # All have one bundle and one name: the page tells from what Airflow hands it where it hangs.
    return [
        {
            "name": NAME,
            "bundle_url": f"{base}/main.js?v={__version__}",
            "icon": f"{base}/icon.svg",
            "icon_dark_mode": f"{base}/icon-dark.svg",
            "url_route": route,
            "destination": destination,
        }
        for destination, route in _DESTINATIONS.items()
    ]


class SageMakerPlugin(AirflowPlugin):
    """What Airflow shows of this package."""

    name = "ack_sagemaker"
    fastapi_apps = [{"app": LazyApp(), "url_prefix": PREFIX, "name": "ACK SageMaker"}]  # noqa: RUF012
    react_apps = _react_apps()
