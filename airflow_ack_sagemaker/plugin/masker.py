"""What is secret: by Airflow's names, by what Airflow keeps, by shape."""

from __future__ import annotations

import re

from airflow._shared.secrets_masker import redact, should_hide_value_for_key
from airflow.sdk._shared.secrets_masker import redact as sdk_redact

from airflow_ack_sagemaker.compat import underscored
from airflow_ack_sagemaker.core.pages.masking import whole_words
from airflow_ack_sagemaker.core.pages.secret_shapes import without_shapes
from airflow_ack_sagemaker.core.pages.secret_texts import SecretTexts

_WORDS = re.compile(
    "accesskey|accountkey|apikey|authorization|clientkeydata|connectionstring|credential|passphrase|passwd|password"
    "|privatekey|pwd|secret|sessionkey|signature|token"
)
"""Beside Airflow's own words; as they are without signs between."""
_PASS = re.compile(
    r"(?:account|admin|api|auth|basic|db|database|email|ftp|jdbc|key|keystore|ldap|login|mail|mongo|mssql|my|mysql|odbc|oracle"
    r"|pg|postgres|postgresql|proxy|rabbitmq|redis|registry|root|service|smtp|snowflake|sql|ssh|store|sudo|user|vault)"
    r"(?:pass|pw)$"
)
"""``DB_PASS``, ``smtpPass``. Not ``pass`` after any word: ``bypass``, ``forward_pass``, ``PassRole`` are no secrets."""
_SIGNS = re.compile(r"[^a-z0-9]+")


class AirflowMasker:
    """A `Masker`: names by ``[core] sensitive_var_conn_names`` and some words more, texts by the secrets that Airflow
    keeps or that were registered in this process, and by their shape. ``version`` changes with what is known.

    The API server and the Task SDK, whose connections our hooks may read, each know their own.
    """

    def __init__(self) -> None:
        self.version = 0
        self._known = SecretTexts()

    def know(self, secrets: SecretTexts) -> None:
        """These are what Airflow keeps now."""
        if secrets.texts != self._known.texts:
            self._known = secrets
            self.version += 1

    def hides(self, name: str) -> bool:
        """Whether the value of something with this name is secret."""
        lower = name.lower()
        squeezed = _SIGNS.sub("", lower)
        return bool(
            _WORDS.search(squeezed)
            or (squeezed.endswith(("pass", "pw")) and _PASS.search(squeezed))
            or should_hide_value_for_key(name)
            or ((spelled := underscored(name)) != lower and should_hide_value_for_key(spelled))
        )

    def text(self, text: str) -> str:
        """The text without what is known, or looks, to be a secret."""
        return without_shapes(self._known.hidden(str(sdk_redact(redact(text)))), self.hides)

    def cut(self, text: str | None) -> str | None:
        """The same of a text that may have been cut, of which no half of a secret is shown."""
        return text and self.text(whole_words(text))


MASKER = AirflowMasker()
