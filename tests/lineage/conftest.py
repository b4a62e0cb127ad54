"""With OpenLineage's provider, which has a folder of its own (`make test-lineage`): beside Airflow, its plugin would be
loaded in every process of every other test.
"""

from __future__ import annotations

from tests.operators.conftest import api_server, cluster, stage

__all__ = ["api_server", "cluster", "stage"]
