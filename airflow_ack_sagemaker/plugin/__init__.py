"""The pages about SageMaker pipelines in the Airflow UI (entry point ``airflow.plugins``).

Every process of Airflow imports this module, so it says only what there is. The application is built in the API server,
at its first request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from airflow_ack_sagemaker import __version__

if TYPE_CHECKING:
    import asyncio

    from airflow_ack_sagemaker.plugin.one_by_one import App, Receive, Scope, Send

PREFIX = "/ack-sagemaker"
"""Where the application is mounted below Airflow's own address."""
NAME = "SageMaker"

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
        self._app: App | None = None
        self._building: asyncio.Task[App] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        app = self._app
        if app is None:
            import asyncio

            # In a thread, since imports would hold up the event loop, and once for all who ask at first: each further
            # building takes as long, and a request that is given up must not end what the others wait for.
            if self._building is None:
                self._building = asyncio.create_task(asyncio.to_thread(_build))
                self._building.add_done_callback(self._built)
            app = self._app = await asyncio.shield(self._building)
        await app(scope, receive, send)

    def _built(self, building: asyncio.Task[App]) -> None:
        if building.cancelled() or building.exception() is not None:
            self._building = None


def _build() -> App:
    from airflow_ack_sagemaker.plugin.threads import giving_way

    return giving_way(_made)


def _made() -> App:
    import gc

    from airflow_ack_sagemaker.plugin.app import create_app
    from airflow_ack_sagemaker.plugin.one_by_one import OneByOne

    app = OneByOne(create_app())
    # Airflow's API server has a million objects that stay. Without this Python looks through them all whenever a large
    # answer is decoded, and nothing else runs meanwhile, for up to a second.
    gc.freeze()
    return app


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
