"""YAML as kube-apiserver reads it (sigs.k8s.io/yaml on go-yaml 2), which differs from PyYAML in its plain scalars.

``y`` and ``n`` are booleans, ``1e3`` is a number, ``12:30`` is none, and a timestamp is a text.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from airflow_ack_sagemaker.untrusted_yaml import MAX_ADDED, UNFIT, check

_BOOLEANS = {"y", "yes", "on", "true", "n", "no", "off", "false"}
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _is_boolean(text: str) -> bool:
    return text.lower() in _BOOLEANS and text in (text.lower(), text.upper(), text.capitalize())


class _Loader(_BASE):  # type: ignore[misc]
    """A loader that notes the keys that stand more than once in a mapping."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.repeated: list[str] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    self.repeated.append(f'line {key.start_mark.line + 1}: key "{key.value}" already set in map')
                seen.add(key.value)
        made = super().construct_mapping(node, deep=deep)
        # JSON has only texts for keys.
        return {key if isinstance(key, str) else json.dumps(key): value for key, value in made.items()}

    def plain(self, node: Any) -> Any:
        """The value of a scalar without quotes."""
        text = self.construct_scalar(node)
        if _is_boolean(text):
            return text.lower() in ("y", "yes", "on", "true")
        digits = text.replace("_", "")
        if _INTEGER.fullmatch(text):
            sign, bare = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
            octal = len(bare) > 1 and bare[0] == "0" and bare[1].isdecimal()
            return int(sign + bare, 8 if octal else 0)
        return float(digits) if _FLOAT.fullmatch(digits) else text


# What is left of PyYAML's own rules is null and the merge key.
_Loader.yaml_implicit_resolvers = {
    first: kept
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (kept := [each for each in resolvers if each[0].rpartition(":")[2] in ("null", "merge")])
}
_Loader.add_implicit_resolver("!plain", re.compile(r"[-+.0-9yYnNoOtTfF].*", re.DOTALL), list("-+.0123456789yYnNoOtTfF"))
_Loader.add_constructor("!plain", _Loader.plain)


def load(data: bytes, repeated: list[str] | None = None) -> Any:
    """The value of a YAML body.

    :param repeated: gets a sentence for each key that stands more than once in its mapping.
    :raises yaml.YAMLError: it is none.
    """
    loader = _Loader(data)
    try:
        check(data, MAX_ADDED)
        value = loader.get_single_data()
    except UNFIT as error:
        raise yaml.YAMLError(str(error)) from None
    finally:
        loader.dispose()
    if repeated is not None:
        repeated.extend(loader.repeated)
    return value
