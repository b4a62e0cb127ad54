"""What an older kube-apiserver says otherwise than the newest one.

The cases say what the newest says, and the sandbox follows it. Each difference stands here once, by the minor version
where it was found, and is compared like everything else: a server that answers in neither way fails its case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Manner:
    """How a minor version answers. What is not named is as in the newest.

    :param texts: what it says in place of the newest's words.
    :param bad_options: status code and reason for the body of a deletion that is no DeleteOptions.
    :param definition_cells: which columns of a table of CustomResourceDefinitions it has, by their place in the
        newest's.
    :param noted_in_status: what the manager of a status owns after a write of the status with labels and finalizers,
        besides the status.
    """

    texts: Mapping[str, str]
    bad_options: tuple[int, str]
    definition_cells: tuple[int, ...]
    noted_in_status: Mapping[str, Any]

    def said(self, value: Any) -> Any:
        """What the newest says, in this version's words; of an object or a list, each text in it."""
        if isinstance(value, str):
            for newest, older in self.texts.items():
                value = value.replace(newest, older)
            return value
        if isinstance(value, dict):
            return {key: self.said(member) for key, member in value.items()}
        return [self.said(item) for item in value] if isinstance(value, list) else value

    def refusal(self, method: str, body: Any, code: int, reason: str) -> tuple[int, str]:
        """Status code and reason of this version's answer, where those of the newest's are given."""
        unread = method == "DELETE" and body is not None and (code, reason) == NEWEST.bad_options
        return self.bad_options if unread else (code, reason)


NEWEST = Manner(
    texts={}, bad_options=(400, "BadRequest"), definition_cells=(0, 1, 2, 3, 4, 5, 6, 7), noted_in_status={}
)

OLDER: Mapping[str, Manner] = {
    "1.34": Manner(
        texts={
            # Later a patch is read once before all else, so that the audit log has nothing but JSON.
            "invalid JSON patch": "error decoding patch: unexpected end of JSON input",
            "error encoding patch: yaml:": "error decoding YAML: error converting YAML to JSON: yaml:",
            # The words for names and keys were made exact.
            "name part must be no more than 63 bytes": "name part must be no more than 63 characters",
            "a valid label key must consist of": "a qualified name must consist of",
            # Later the format of an integer is looked at before its type is.
            'must be of type int64: "float64"': 'must be of type integer: "number"',
            # Later the references of owners are counted.
            "metadata.ownerReferences[0].uid": "metadata.ownerReferences.uid",
        },
        # It did not say that it is the request that is wrong.
        bad_options=(500, ""),
        # The definitions had no columns of their own yet: name and age of any object.
        definition_cells=(0, 3),
        # What a write of the status carries besides was dropped, and noted as written all the same.
        noted_in_status={
            "f:metadata": {
                "f:finalizers": {".": {}, 'v:"example.com/x"': {}},
                "f:labels": {".": {}, "f:a": {}},
            },
        },
    ),
}


def manner_of(minor: str) -> Manner:
    """How a server of this minor version (``1.34``) answers."""
    return OLDER.get(minor, NEWEST)
