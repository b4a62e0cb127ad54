"""Property files: what a processing step writes for others to read, and where in S3 that lies.

A step declares a file by the output that it lies in and its path there (``PropertyFiles``); its arguments say where the
output goes (``ProcessingOutputConfig``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, resolve, text_of


@dataclass(frozen=True, slots=True)
class PropertyFile:
    """A property file of a step. ``place`` is where its output lies, a value of the definition; ``path`` the file's
    place in it."""

    name: str
    path: str
    place: Any

    def uri(self, scope: Scope) -> str | Unresolved:
        """Where it lies, as ``s3://bucket/key``."""
        found = resolve(self.place, scope)
        if isinstance(found, Unresolved):
            return found
        if not str(found).startswith("s3://"):
            return Unresolved(self.name, f"{text_of(found)!r} is not in S3")
        return f"{str(found).rstrip('/')}/{self.path.lstrip('/')}"


def property_files(body: Mapping[str, Any]) -> list[PropertyFile]:
    """The property files of a step of which is said where they lie."""
    arguments = body.get("Arguments")
    outputs = _places(arguments if isinstance(arguments, Mapping) else {})
    found = []
    for file in _mappings(body.get("PropertyFiles")):
        name, output, path = (file.get(key) for key in ("PropertyFileName", "OutputName", "FilePath"))
        if isinstance(name, str) and isinstance(path, str) and isinstance(output, str) and output in outputs:
            found.append(PropertyFile(name, path, outputs[output]))
    return found


def _places(arguments: Mapping[str, Any]) -> dict[str, Any]:
    config = arguments.get("ProcessingOutputConfig")
    found = {}
    for output in _mappings(config.get("Outputs") if isinstance(config, Mapping) else None):
        s3, name = output.get("S3Output"), output.get("OutputName")
        if isinstance(s3, Mapping) and isinstance(name, str) and "S3Uri" in s3:
            found[name] = s3["S3Uri"]
    return found


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
