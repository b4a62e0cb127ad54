"""Secrets that are known by their shape, whatever they are called: keys, tokens, passwords in URLs.

Sources: the prefixes that AWS documents (IAM user guide, "unique ID prefixes"), RFC 7519 (tokens), RFC 7468 (private
keys), RFC 3986 (user information), and the prefixes that GitHub, GitLab, Slack, Google, Hugging Face, PyPI and npm gave
their tokens so that scanners find them. Each pattern takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from airflow_ack_sagemaker.core.pages.secret_assignments import MASK, without_named

__all__ = ["MASK", "without_shapes"]

_WHOLE = re.compile(
    r"""
      -----BEGIN[ ](?:[A-Z0-9]+[ ]){0,3}PRIVATE[ ]KEY-----(?:[^-]|-(?!----))*(?:-----END[ ][A-Z0-9 ]{1,40}-----)?
    | (?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])
    | (?<![\w/+])(?:IQoJ|FwoG|FQoG)[A-Za-z0-9/+=%]{60,}
    | (?<![\w-])eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*){0,3}
    | (?<![\w-])k8s-aws-v1\.[\w-]{20,}
    | (?<![A-Za-z0-9_])(?:gh[opusr]_|github_pat_|glpat-|xox[abeoprs]-|hf_|pypi-|npm_|sk_live_|rk_live_|AIza)[\w-]{20,}
    """,
    re.VERBOSE | re.ASCII,
)
_AFTER = re.compile(r"((?<![\w-])(?:Bearer|Basic)[ ]{1,3})[\w.~+/=-]{12,}", re.ASCII | re.IGNORECASE)
_USER_INFO = re.compile(
    r"""(?<=://)(?:
        (?P<user>[^/?#\s"'<>@:]{0,200})(?P<colon>:?)[^/?#\s"'<>]{0,1000}@
      | (?P<other>[^/?#\s"'<>@:\[]{1,200}+):(?!\d{1,5}[/?#])(?:[^\s"'<>@/]|/(?!/)){1,300}+@(?=[\w.-])
    )""",
    re.ASCII | re.VERBOSE,
)
"""The second form is a password with a raw ``/``, ``?`` or ``#`` in it; after a port, an ``@`` belongs to the path."""
_FORTY = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])", re.ASCII)
_DISTINCT = 22
"""Different characters in 40 random ones of 64: 30 on average, less than this in one of two thousand. A path of 40
characters has fewer.
"""


def without_shapes(text: str, hides: Callable[[str], bool]) -> str:
    """The text without what has the shape of a secret.

    :param hides: whether the value of something with this name is secret, see `without_named`.
    """

    if len(text) < 8:
        return text
    if "://" in text:
        text = _USER_INFO.sub(_user_info, text)
    text = _WHOLE.sub(MASK, text)
    text = _AFTER.sub(rf"\1{MASK}", text)
    return _FORTY.sub(_secret_key, without_named(text, hides))


def _user_info(match: re.Match[str]) -> str:
    if match["other"]:
        return f"{match['other']}:{MASK}@"
    return f"{match['user']}:{MASK}@" if match["colon"] else f"{MASK}@"


def _secret_key(match: re.Match[str]) -> str:
    """AWS's secret keys have no prefix: 40 characters of base64, as a digest in hexadecimal or a path may have, too."""
    key = match[0]
    kinds = (str.isupper, str.islower, str.isdigit)
    looks_random = len(set(key)) >= _DISTINCT and all(any(map(kind, key)) for kind in kinds)
    return MASK if looks_random else key
