"""The end of a job's log in CloudWatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.run.step_logs import StepLog

MOST_LINES = 200
_STREAMS = 50
"""Streams of a job that are looked at: one for each machine, and one for each training job of a tuning job."""
_READ = 3


@dataclass(frozen=True, slots=True)
class LogLine:
    """``time`` is in milliseconds since 1970."""

    time: int
    stream: str
    message: str


def tail_of(client: Any, log: StepLog) -> list[LogLine]:
    """The last lines that a job has written, the oldest first: of the three streams that were written last. None, where
    it has written nothing yet. At most four requests.

    :param client: boto3's client of CloudWatch Logs.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: CloudWatch cannot be asked.
    """
    try:
        found = client.describe_log_streams(logGroupName=log.group, logStreamNamePrefix=log.prefix, limit=_STREAMS)[
            "logStreams"
        ]
    except client.exceptions.ResourceNotFoundException:
        return []
    found.sort(key=lambda stream: stream.get("lastEventTimestamp") or 0, reverse=True)
    lines = []
    for stream in found[:_READ]:
        name = stream["logStreamName"]
        events = client.get_log_events(
            logGroupName=log.group, logStreamName=name, startFromHead=False, limit=MOST_LINES
        )["events"]
        lines += [LogLine(event["timestamp"], name, event["message"].rstrip("\n")) for event in events]
    lines.sort(key=lambda line: line.time)
    return lines[-MOST_LINES:]
