"""`SkipRepeatedEventsOperator`: a watcher's event that comes twice does its work once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

_LOOKED_AT = 1_000
"""Earlier events of an asset that are compared with, where Airflow (3.2 and later) can limit them: a repetition comes
within minutes."""


class SkipRepeatedEventsOperator(BaseOperator):
    """The first task of a DAG that watchers start: it skips the tasks after it when all events that have started the
    run were told before.

    A triggerer that dies just when it has told of something tells it again after its restart, so that nothing is lost:
    with the same payload, as long as the trigger is one that tells each thing once (`PipelineDefinitionTrigger`,
    `PipelineExecutionEventTrigger`, `MonitoringViolationTrigger`). A run that was started otherwise goes on.

    ```python
    from airflow.sdk import Asset
    from airflow_ack_sagemaker.operators.repeats import SkipRepeatedEventsOperator

    SkipRepeatedEventsOperator(task_id="news", assets=[Asset("demand_definition")])
    ```

    :param assets: the assets whose watchers start the DAG.
    :raises AirflowSkipException: all events were told before.
    """

    ui_color = "#f0ede4"

    def __init__(self, *, assets: Sequence[Asset], **kwargs: Any) -> None:
        super().__init__(**{"inlets": list(assets), **kwargs})
        self.assets = list(assets)

    def execute(self, context: Context) -> None:
        """Compare."""
        from airflow_ack_sagemaker.compat import AirflowSkipException
        from airflow_ack_sagemaker.core.run.news import Told, all_repeated

        started = context["triggering_asset_events"]
        events: list[Told] = []
        earlier: list[Told] = []
        for asset in self.assets:
            events += [Told(event.extra, event.timestamp, asset.name) for event in started.get(asset, ())]
            if events:
                earlier += [
                    Told(event.extra or {}, event.timestamp, asset.name)
                    for event in _newest(context["inlet_events"][asset])
                ]
        if all_repeated(events, earlier):
            raise AirflowSkipException(
                "All events that have started this run were told before, by a triggerer that did not live to note it."
            )


def _newest(events: Any) -> Any:
    """The newest events of an asset; on Airflow 3.1 all."""
    return events.ascending(False).limit(_LOOKED_AT) if hasattr(events, "limit") else events
