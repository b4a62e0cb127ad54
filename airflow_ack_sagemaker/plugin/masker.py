"""Airflow's own knowledge of what is secret."""

from __future__ import annotations

from airflow._shared.secrets_masker import redact, should_hide_value_for_key
from airflow.sdk._shared.secrets_masker import redact as sdk_redact

from airflow_ack_sagemaker.compat import underscored


class AirflowMasker:
    """A `Masker`: names by ``[core] sensitive_var_conn_names``, texts by the secrets that were registered.

    The API server and the Task SDK, whose connections our hooks may read, each know their own.
    """

    def hides(self, name: str) -> bool:
        """Whether the value of something with this name is secret."""
        return bool(should_hide_value_for_key(name) or should_hide_value_for_key(underscored(name)))

    def text(self, text: str) -> str:
        """The text without the values that are known to be secrets."""
        return str(sdk_redact(redact(text)))


MASKER = AirflowMasker()
