"""Health checks that cost no import of Airflow (5 s of CPU each time); the exit code is 0 when all is well.

python -m demo.compose.healthy scheduler | dag_processor | triggerer | worker
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from pathlib import Path

HEALTH = "http://airflow-api-server:8080/api/v2/monitor/health"
BROKER_URL = Path("/secrets/broker-url")
_SECONDS = 5.0


def healthy(part: str) -> bool:
    """Whether a part of Airflow lives: the API server knows its heartbeats, a worker answers itself."""
    if part == "worker":
        from celery import Celery

        name = f"celery@{socket.gethostname()}"
        with Celery(broker=BROKER_URL.read_text()) as app:
            return bool(app.control.ping(destination=[name], timeout=_SECONDS, limit=1))
    with urllib.request.urlopen(HEALTH, timeout=_SECONDS) as answer:
        return bool(json.load(answer)[part]["status"] == "healthy")


if __name__ == "__main__":
    sys.exit(not healthy(sys.argv[1]))
