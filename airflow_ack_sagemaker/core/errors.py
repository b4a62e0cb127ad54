"""`AckError`: the base of every exception of this package, so that ``except AckError`` means all of them."""

from __future__ import annotations


class AckError(Exception):
    """Anything that this package raises."""
