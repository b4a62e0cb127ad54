from __future__ import annotations

from tests.support.sandbox_cluster import api_server, caller, cluster, server_without_kinds

__all__ = ["api_server", "caller", "cluster", "server_without_kinds"]
