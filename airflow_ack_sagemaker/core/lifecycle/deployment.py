"""``deploymentConfig`` of an endpoint: how traffic goes over to a new configuration, and when SageMaker goes back.

Limits and names: SageMaker API model, ``DeploymentConfig``. Alarms are those of CloudWatch; they must exist, and the
controller's role needs ``cloudwatch:DescribeAlarms``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_ack_sagemaker.core.resource.manifest import SpecError

_TYPES = ("ALL_AT_ONCE", "CANARY", "LINEAR")
_SIZES = ("INSTANCE_COUNT", "CAPACITY_PERCENT")
_MOST_ALARMS = 10


def canary(*, percent: int = 10, wait: int = 300, termination_wait: int = 0, alarms: Sequence[str] = ()) -> Any:
    """A part of the traffic first, and the rest after a wait in which no alarm went off.

    ```python
    from airflow_ack_sagemaker.core.lifecycle.deployment import canary

    deployment_config = canary(percent=10, wait=300, alarms=["demand-5xx"])
    ```

    :param percent: of the capacity, 1 to 50.
    :param wait: seconds that the part is watched, 0 to 3600.
    :param termination_wait: seconds that the former fleet is kept after that, 0 to 3600.
    :param alarms: names of CloudWatch alarms at which SageMaker goes back.
    :raises SpecError: a value that SageMaker refuses.
    """
    if not 1 <= percent <= 50:
        raise SpecError(f"percent {percent!r} of a canary must be 1 to 50.")
    routing = {"type": "CANARY", "canarySize": _percent(percent), "waitIntervalInSeconds": wait}
    return check_deployment(_with_alarms(_blue_green(routing, termination_wait), alarms))


def linear(*, percent: int = 20, wait: int = 300, termination_wait: int = 0, alarms: Sequence[str] = ()) -> Any:
    """The traffic in steps of equal size, with a wait after each.

    ```python
    from airflow_ack_sagemaker.core.lifecycle.deployment import linear

    deployment_config = linear(percent=25, wait=300, alarms=["demand-5xx"])
    ```

    :param percent: of the capacity, 10 to 50.
    :param wait: seconds between two steps, 0 to 3600.
    :param termination_wait: seconds that the former fleet is kept after the last, 0 to 3600.
    :param alarms: names of CloudWatch alarms at which SageMaker goes back.
    :raises SpecError: a value that SageMaker refuses.
    """
    if not 10 <= percent <= 50:
        raise SpecError(f"percent {percent!r} of a linear step must be 10 to 50.")
    routing = {"type": "LINEAR", "linearStepSize": _percent(percent), "waitIntervalInSeconds": wait}
    return check_deployment(_with_alarms(_blue_green(routing, termination_wait), alarms))


def rolling(*, percent: int = 20, wait: int = 300, alarms: Sequence[str] = ()) -> Any:
    """A batch of instances after the other is replaced, without a second fleet. A rollback can fail: the endpoint then
    says UpdateRollbackFailed and serves a mix.

    ```python
    from airflow_ack_sagemaker.core.lifecycle.deployment import rolling

    deployment_config = rolling(percent=25, wait=300, alarms=["demand-5xx"])
    ```

    :param percent: of the instances in a batch, 5 to 50.
    :param wait: seconds that each batch is watched, 0 to 3600.
    :param alarms: names of CloudWatch alarms at which SageMaker goes back.
    :raises SpecError: a value that SageMaker refuses.
    """
    if not 5 <= percent <= 50:
        raise SpecError(f"percent {percent!r} of a rolling batch must be 5 to 50.")
    policy = {"maximumBatchSize": _percent(percent), "waitIntervalInSeconds": wait}
    return check_deployment(_with_alarms({"rollingUpdatePolicy": policy}, alarms))


def check_deployment(config: Any) -> dict[str, Any]:
    """The ``deploymentConfig``, if SageMaker would take it: a mistake would be sent again and again, unheard.

    :raises SpecError: it would not.
    """
    where = "deployment_config"
    if not isinstance(config, Mapping):
        raise SpecError(f"{where} must be a mapping, not {type(config).__name__}.")
    known = {"blueGreenUpdatePolicy", "rollingUpdatePolicy", "autoRollbackConfiguration"}
    if unknown := sorted(set(config) - known):
        raise SpecError(f"{where} has unknown members {unknown}; it may have {sorted(known)}.")
    if ("blueGreenUpdatePolicy" in config) == ("rollingUpdatePolicy" in config):
        raise SpecError(f"{where} needs one of blueGreenUpdatePolicy and rollingUpdatePolicy.")
    if "blueGreenUpdatePolicy" in config:
        blue_green = _member(config, "blueGreenUpdatePolicy", where)
        routing = _member(blue_green, "trafficRoutingConfiguration", f"{where}.blueGreenUpdatePolicy")
        _check_routing(routing, f"{where}.blueGreenUpdatePolicy.trafficRoutingConfiguration")
        _check_seconds(blue_green, "terminationWaitInSeconds", 0, 3600, f"{where}.blueGreenUpdatePolicy")
        _check_seconds(blue_green, "maximumExecutionTimeoutInSeconds", 600, 28800, f"{where}.blueGreenUpdatePolicy")
    else:
        place, by_batch = f"{where}.rollingUpdatePolicy", _member(config, "rollingUpdatePolicy", where)
        _check_size(_member(by_batch, "maximumBatchSize", place), f"{place}.maximumBatchSize")
        _check_seconds(by_batch, "waitIntervalInSeconds", 0, 3600, place, required=True)
        _check_seconds(by_batch, "maximumExecutionTimeoutInSeconds", 600, 28800, place)
    _check_alarms(config.get("autoRollbackConfiguration"), f"{where}.autoRollbackConfiguration")
    return dict(config)


def written(config: Any) -> Any:
    """The same as the CRD of the endpoints has it, which calls ``type`` ``type_``."""
    if isinstance(config, Mapping):
        return {"type_" if name == "type" else name: written(value) for name, value in config.items()}
    return [written(value) for value in config] if isinstance(config, list) else config


def _blue_green(routing: Mapping[str, Any], termination_wait: int) -> dict[str, Any]:
    return {
        "blueGreenUpdatePolicy": {
            "trafficRoutingConfiguration": dict(routing),
            "terminationWaitInSeconds": termination_wait,
        }
    }


def _with_alarms(config: dict[str, Any], alarms: Sequence[str]) -> dict[str, Any]:
    if not alarms:
        return config
    return {**config, "autoRollbackConfiguration": {"alarms": [{"alarmName": name} for name in alarms]}}


def _percent(value: int) -> dict[str, Any]:
    return {"type": "CAPACITY_PERCENT", "value": value}


def _check_routing(routing: Any, where: str) -> None:
    kind = routing.get("type")
    if kind not in _TYPES:
        raise SpecError(f"{where}.type {kind!r} must be one of {', '.join(_TYPES)}.")
    _check_seconds(routing, "waitIntervalInSeconds", 0, 3600, where, required=True)
    size = {"CANARY": "canarySize", "LINEAR": "linearStepSize"}.get(kind)
    for name in ("canarySize", "linearStepSize"):
        if name == size:
            _check_size(_member(routing, name, where), f"{where}.{name}")
        elif routing.get(name) is not None:
            raise SpecError(f"{where}.{name} does not go with type {kind}.")


def _check_size(size: Any, where: str) -> None:
    value = size.get("value")
    if size.get("type") not in _SIZES or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(f"{where} needs a type ({' or '.join(_SIZES)}) and a value of at least 1, not {dict(size)!r}.")


def _check_alarms(rollback: Any, where: str) -> None:
    if rollback is None:
        return
    alarms = rollback.get("alarms") if isinstance(rollback, Mapping) else None
    named = isinstance(alarms, list) and all(isinstance(a, Mapping) and a.get("alarmName") for a in alarms)
    if not named or not 1 <= len(alarms) <= _MOST_ALARMS:  # type: ignore[arg-type]
        raise SpecError(f"{where} needs 1 to {_MOST_ALARMS} alarms, each {{'alarmName': name}}.")


def _check_seconds(
    values: Mapping[str, Any], name: str, least: int, most: int, where: str, *, required: bool = False
) -> None:
    value = values.get(name)
    if value is None and not required:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SpecError(f"{where}.{name} {value!r} must be {least} to {most} seconds.")


def _member(values: Any, name: str, where: str) -> Mapping[str, Any]:
    found = values.get(name) if isinstance(values, Mapping) else None
    if not isinstance(found, Mapping):
        raise SpecError(f"{where} needs {name}, a mapping.")
    return found
