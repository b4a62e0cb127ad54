"""The end of the log of one step's job, without what is secret."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow_ack_sagemaker.aws.logs import LogLine
from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.resource.status import cut
from airflow_ack_sagemaker.plugin.aws import Aws, AwsTrouble
from airflow_ack_sagemaker.plugin.detail import states_of, to_ask
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.single_flight import NotYet
from airflow_ack_sagemaker.plugin.threads import in_turn

_MAX_LINE = 2_000


async def step_log(row: Row, board: Board, aws: Aws | None, step: str, *, whole: bool) -> dict[str, Any]:
    """The last lines of the step of this name, and a note about why there are none.

    :param whole: whether the note may have the words of an error.
    """
    arn = to_ask(row, board)
    states, note = await states_of(row, arn, aws, whole=whole)
    log = next((state.log for state in reversed(states or ()) if state.name == step and state.log is not None), None)
    if aws is None or arn is None or log is None:
        return {"lines": [], "note": note or "This step has no job that writes a log."}
    try:
        lines = await aws.log_tail(arn.text, arn.region, log, over=row.over)
    except NotYet:
        return {"lines": [], "note": "CloudWatch is being asked; the answer comes with one of the next looks."}
    except AwsTrouble as error:
        return {"lines": [], "note": error.trouble.shown(whole)}
    shown = await in_turn(lambda: [_shown(line) for line in lines])
    return {"lines": shown, "note": None if shown else "The job has written nothing to its log yet."}


def _shown(line: LogLine) -> dict[str, Any]:
    time = datetime.fromtimestamp(line.time / 1_000, timezone.utc)
    return {
        "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": MASKER.cut(cut(line.message, _MAX_LINE)) or "",
    }
