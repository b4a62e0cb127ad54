"""Pages, order and filters of the List operations."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from airflow_ack_sagemaker.sandbox.aws.errors import invalid

T = TypeVar("T")

DEFAULT_RESULTS = 10
"""How many results a page has when MaxResults is not given (observed on SageMaker; the API model does not say)."""


def page(
    items: Sequence[T], request: Mapping[str, Any], limit: int | None = None
) -> tuple[Sequence[T], dict[str, str]]:
    """One page of the items, and ``{"NextToken": ...}`` if more follow.

    :raises AwsError: ValidationException, the token is none of ours.
    """
    start = 0
    if token := request.get("NextToken"):
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("after:"))
        except ValueError:
            raise invalid("Invalid pagination token.") from None
    end = start + int(limit or request.get("MaxResults") or DEFAULT_RESULTS)
    following = {"NextToken": base64.urlsafe_b64encode(f"after:{end}".encode()).decode()} if end < len(items) else {}
    return items[start:end], following


def created_within(items: Sequence[T], request: Mapping[str, Any], created: Callable[[T], float]) -> list[T]:
    """The items that CreatedAfter and CreatedBefore let through."""
    after, before = request.get("CreatedAfter"), request.get("CreatedBefore")
    return [
        item
        for item in items
        if (after is None or created(item) >= float(after)) and (before is None or created(item) <= float(before))
    ]


def ordered(
    items: list[T], request: Mapping[str, Any], keys: Mapping[str, Callable[[T], Any]], default: str
) -> list[T]:
    """The items by SortBy and SortOrder; the newest first where nothing is asked for."""
    key = keys[request.get("SortBy") or default]
    return sorted(items, key=key, reverse=request.get("SortOrder") != "Ascending")
