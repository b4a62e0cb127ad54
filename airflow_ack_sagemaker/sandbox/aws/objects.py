"""Objects in the sandbox's own S3: definitions, and the files from which expressions take a value.

Nothing happens while an execution runs (see :mod:`airflow_ack_sagemaker.sandbox.aws.timeline`), but what stands in a
file is a matter of when it is read. So before a request is answered, what steps have asked for until then is read,
once, and kept with the execution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from airflow_ack_sagemaker.sandbox.aws.engine import ACCOUNT, Engine
from airflow_ack_sagemaker.sandbox.aws.records import Execution
from airflow_ack_sagemaker.sandbox.aws.runs import Asked, Seen

_MAX_OBJECT = 4 * 1024 * 1024


class ObjectError(Exception):
    """An object cannot be read. The message says why."""


ReadObject = Callable[[str, str, str | None], str]
"""Text of an S3 object by bucket, key and version id.

:raises ObjectError: there is none, or it is no text.
"""


def read_object(bucket: str, key: str, version_id: str | None = None) -> str:
    """The text of an object. :raises ObjectError: there is none, it is too large, or no UTF-8."""
    from moto.s3.models import s3_backends

    try:
        found = s3_backends[ACCOUNT]["aws"].get_object(bucket, key, version_id)
    except Exception as error:  # moto raises an exception of its own kind for each thing that can be missing
        raise ObjectError(str(error)) from None
    if found is None:
        raise ObjectError("The specified key does not exist.")
    value = found.value
    if len(value) > _MAX_OBJECT:
        raise ObjectError(f"It is larger than {_MAX_OBJECT:,} bytes.")
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise ObjectError("It is not UTF-8.") from None


class Readings:
    """The files that executions of one region wait for."""

    def __init__(self, engine: Engine, read: ReadObject) -> None:
        self.engine = engine
        self._read = read

    def catch_up(self) -> None:
        """Read what steps have asked for by now."""
        now = self.engine.clock.time()
        for execution in list(self.engine.reading.values()):
            # One by one: what is read decides what else is asked for.
            while (asked := _due(execution, now)) is not None:
                seen = self._seen(asked)
                execution.given = replace(execution.given, seen=(*execution.given.seen, seen))
            if not execution.running(now):
                del self.engine.reading[execution.arn]

    def _seen(self, asked: Asked) -> Seen:
        scheme, _, place = asked.uri.partition("://")
        bucket, _, key = place.partition("/")
        if scheme != "s3" or not bucket or not key:
            return Seen(asked, None, "it is no place of an object")
        try:
            return Seen(asked, self._read(bucket, key, None), "")
        except ObjectError as error:
            return Seen(asked, None, str(error).rstrip("."))


def _due(execution: Execution, now: float) -> Asked | None:
    """The first that was asked for by now and has not been read."""
    until = now if execution.stopped is None else min(now, execution.stopped)
    return next((asked for asked in execution.course.asked if execution.started + asked.at <= until), None)
