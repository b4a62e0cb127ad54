"""The environment of the tests: the developer's, without settings that would change what is tested."""

from __future__ import annotations

import os
import re

_FOREIGN = re.compile(r"(AIRFLOW|AWS_|KUBE).*|.*_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE", re.IGNORECASE)

scrubbed: dict[str, str] = {}
"""What was taken away, for the one thing that needs it: whoever gives a cluster to the tests."""


def scrub() -> None:
    """Take the settings away that Airflow, boto3, httpx or kubectl would read. Tests speak to servers on this machine
    only.
    """
    for name in [name for name in os.environ if _FOREIGN.fullmatch(name)]:
        scrubbed[name] = os.environ.pop(name)
    os.environ["NO_PROXY"] = "*"
