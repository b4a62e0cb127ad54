"""What all tests share: an environment without the developer's settings, and a home for Airflow that goes away."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest

from tests.support.environment import scrub

# Before anything imports Airflow, boto3 or httpx: they read these once.
scrub()
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

# What helpers assert is explained as well as what tests assert.
pytest.register_assert_rewrite("tests.contract.servers", "tests.kube.rights", "tests.sandbox.world")
pytest_plugins = ["tests.support.api_servers"]
