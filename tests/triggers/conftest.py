from __future__ import annotations

from tests.support.sandbox_cluster import api_server

__all__ = ["api_server"]
