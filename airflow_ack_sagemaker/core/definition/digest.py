"""The digest by which two definitions are compared."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from airflow_ack_sagemaker.core.definition.document import canonical, read
from airflow_ack_sagemaker.core.definition.problems import DefinitionError


def digest_of(text: str) -> str:
    """SHA-256 (hexadecimal) of a definition's canonical text; of the text itself where it is no definition."""
    with suppress(DefinitionError):
        text = canonical(read(text, "definition"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
