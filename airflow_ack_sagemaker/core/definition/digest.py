"""The digest by which two definitions are compared."""

from __future__ import annotations

import hashlib

from airflow_ack_sagemaker.core.definition.document import canonical, read
from airflow_ack_sagemaker.core.definition.problems import DefinitionError


def digest_of(text: str, expected: str | None = None) -> str:
    """SHA-256 (hexadecimal) of a definition's canonical text; of the text itself where it is no definition.

    :param expected: a digest that the text may have as it is: then the text is not made canonical.
    """
    plain = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if plain == expected:
        return plain
    try:
        return hashlib.sha256(canonical(read(text, "definition")).encode()).hexdigest()
    except DefinitionError:
        return plain
