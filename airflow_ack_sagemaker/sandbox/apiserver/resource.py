"""What the server knows about one kind of object: names, scope, schema and columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ALL_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")

Schema = dict[str, Any]
ANYTHING: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column: a JSONPath below the object and how to show it (``type`` string, integer, date, ...).

    The columns of built-in kinds may compute their cells instead.
    """

    name: str
    json_path: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
    compute: Callable[[dict[str, Any]], Any] | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource.

    ``schema`` is the OpenAPI v3 schema of the whole object. ``custom`` says that it comes from a CRD: such objects are
    pruned and validated by the schema, and have a generation.
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    schema: Schema = field(repr=False, default_factory=lambda: ANYTHING)
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    status: bool = True
    custom: bool = False
    verbs: tuple[str, ...] = ALL_VERBS

    @property
    def counted(self) -> bool:
        """Whether its objects have a generation."""
        return self.custom or self.plural == "customresourcedefinitions"

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """``plural.group``, as error messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """``Kind.group``, as some error messages name the kind."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def list_name(self) -> str:
        """The kind of a list of these."""
        return self.list_kind or f"{self.kind}List"


AGE = Column(
    "Age",
    ".metadata.creationTimestamp",
    "date",
    description="When the server stored the object, in RFC 3339 and UTC.",
)
