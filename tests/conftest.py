"""What all tests share: an environment without the developer's settings, and a home for Airflow that goes away."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile

# Before anything imports Airflow, boto3 or httpx: they read these once. Tests speak to servers on this machine only.
_FOREIGN = re.compile(r"(AIRFLOW|AWS_|KUBE).*|.*_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE", re.IGNORECASE)
for _name in [name for name in os.environ if _FOREIGN.fullmatch(name)]:
    del os.environ[_name]
os.environ["NO_PROXY"] = "*"
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
