"""ARNs, which stand in fields that others write: what is none, or not of the expected form, is not used.

Source: the AWS General Reference, "Amazon Resource Names"; the patterns of the SageMaker API's model for
``PipelineExecutionArn``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]{1,10}){0,3}):(?P<service>[a-z0-9-]{1,40}):"
    r"(?P<region>[a-z]{2,4}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}):(?P<account>[0-9]{12}):(?P<resource>[\w.:/+=@-]{1,1024})",
    re.ASCII,
)
_EXECUTION = re.compile(r"pipeline/(?P<pipeline>[A-Za-z0-9][A-Za-z0-9-]{0,255})/execution/[A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN with a region and an account. ``text`` is all of it."""

    text: str
    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def execution_of(self) -> str | None:
        """The pipeline (in the lower case that ARNs have) whose execution it is; None: it is no execution's."""
        found = _EXECUTION.fullmatch(self.resource) if self.service == "sagemaker" else None
        return found["pipeline"].lower() if found else None

    def same_place(self, other: Arn) -> bool:
        """Whether both are in one partition, region and account."""
        return (self.partition, self.region, self.account) == (other.partition, other.region, other.account)


def arn_of(text: str | None) -> Arn | None:
    """The ARN that a text is; None where it is none."""
    found = _ARN.fullmatch(text) if text else None
    return Arn(found[0], **found.groupdict()) if found else None
