"""Endpoints: what they serve, how an update goes on and how it ends.

What an endpoint serves is written down when it is deployed: deleting its configuration or its model afterwards, which
SageMaker does not refuse, changes nothing about that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, invalid
from airflow_ack_sagemaker.sandbox.aws.script import ScriptedOutcome
from airflow_ack_sagemaker.sandbox.aws.things.store import Request, Store, busy
from airflow_ack_sagemaker.sandbox.aws.things.thing import Members, Thing
from airflow_ack_sagemaker.sandbox.aws.things.types import TYPES

ENDPOINT, CONFIG, MODEL = TYPES["Endpoint"], TYPES["EndpointConfig"], TYPES["Model"]

HEALTH = "The production variant did not pass the ping health check."
"""What SageMaker says most often when containers do not answer. Please check CloudWatch logs, it goes on."""
CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)
_DEPLOYED = "deployed"
"""The member, none of the API's, with the variants that serve."""
_STAGES = ("Creating", "ActivatingTraffic", "Baking")
_SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})


def check_config(store: Store, request: Request) -> None:
    """Refuse a configuration whose models are not there. :raises AwsError: ValidationException."""
    for variant in request["ProductionVariants"]:
        if variant.get("ModelName"):
            store.find(MODEL, variant["ModelName"])


def deployed(store: Store, config: Thing) -> list[Members]:
    """The variants of a configuration with all that serving them needs."""
    found = []
    for variant in config.members["ProductionVariants"]:
        model = store.get(MODEL.name, variant.get("ModelName") or "")
        containers = _containers(model.members) if model else []
        found.append({**variant, "Containers": containers})
    return found


def _containers(model: Members) -> list[Members]:
    primary = model.get("PrimaryContainer")
    return [primary] if primary else list(model.get("Containers") or ())


def create(store: Store, request: Request) -> Thing:
    """CreateEndpoint. :raises AwsError: there is no such configuration."""
    config = store.find(CONFIG, request["EndpointConfigName"])
    thing = store.add(ENDPOINT, (request["EndpointName"],), request["EndpointName"], request)
    thing.members[_DEPLOYED] = deployed(store, config)
    thing.members["LastDeploymentConfig"] = thing.members.pop("DeploymentConfig", None)
    outcome = _outcome(store, thing, config.name, update=False)
    if outcome.status in ("rollback", "silent", "capacity", "Failed"):
        reason = outcome.reason or (CAPACITY if outcome.status == "capacity" else HEALTH)
        store.begin(thing, "Creating", "Failed", _reasoned(outcome, reason))
    else:
        store.begin(thing, "Creating", outcome.status or "InService", outcome)
    return thing


def update(store: Store, request: Request) -> Thing:
    """UpdateEndpoint: until the end the former configuration serves, and for good where the script says so.

    :raises AwsError: the endpoint is changing or has failed, or there is no such configuration.
    """
    thing = store.find(ENDPOINT, request["EndpointName"])
    if thing.status == "Failed":
        raise invalid(f'Cannot update endpoint "{thing.arn}" in status Failed: it can only be deleted.')
    busy(thing, "update")
    config = store.find(CONFIG, request["EndpointConfigName"])
    outcome = _outcome(store, thing, config.name, update=True)
    variants = deployed(store, config)
    if request.get("RetainAllVariantProperties"):
        excluded = {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties") or ()}
        variants = [_retained(thing.members[_DEPLOYED], variant, excluded) for variant in variants]
    new = {"EndpointConfigName": config.name, _DEPLOYED: variants}
    if request.get("DeploymentConfig") is not None or not request.get("RetainDeploymentConfig"):
        thing.members["LastDeploymentConfig"] = request.get("DeploymentConfig")
    thing.modified = store.clock.time()
    thing.members["Pending"] = new
    match outcome.status:
        case "rollback" | "Failed":
            store.begin(thing, "Updating", "InService", _reasoned(outcome, outcome.reason or HEALTH))
        case "capacity":
            store.begin(thing, "Updating", "InService", _reasoned(outcome, outcome.reason or CAPACITY))
        case "silent":
            store.begin(thing, "Updating", "InService", _reasoned(outcome, ""))
        case "UpdateRollbackFailed":
            store.begin(thing, "Updating", "UpdateRollbackFailed", _reasoned(outcome, outcome.reason or HEALTH))
        case _:
            store.begin(thing, "Updating", outcome.status or "InService", outcome, new)
    return thing


def _outcome(store: Store, thing: Thing, config: str, *, update: bool) -> ScriptedOutcome:
    passed_over = () if update else ("UpdateRollbackFailed",)
    return store.script.thing([("endpoint", thing.name), ("endpointconfig", config)], passed_over)


def _reasoned(outcome: ScriptedOutcome, reason: str) -> ScriptedOutcome:
    return ScriptedOutcome(outcome.status, reason, outcome.seconds, outcome.hold)


def _retained(former: list[Members], variant: Members, excluded: set[str]) -> Members:
    """A variant that keeps what the variant of its name has now: instances and weight (RetainAllVariantProperties)."""
    same = next((each for each in former if each["VariantName"] == variant["VariantName"]), None)
    if same is None:
        return variant
    kept = {"DesiredInstanceCount": "InitialInstanceCount", "DesiredWeight": "InitialVariantWeight"}
    return variant | {member: same[member] for name, member in kept.items() if name not in excluded and member in same}


def delete(store: Store, request: Request) -> Thing:
    """DeleteEndpoint. :raises AwsError: it is changing, or inference components are on it."""
    thing = store.find(ENDPOINT, request["EndpointName"])
    busy(thing, "delete")
    components = [c.name for c in store.of("InferenceComponent") if c.members["EndpointName"] == thing.name]
    if components:
        raise invalid(f'Cannot delete endpoint "{thing.arn}": it has inference components ({", ".join(components)}).')
    thing.modified = store.clock.time()
    store.begin(thing, "Deleting", "")
    # Why it failed is told until it is gone.
    return thing


def describe(store: Store, thing: Thing) -> Members:
    """What describing an endpoint tells besides what was given."""
    now = store.clock.time()
    change = thing.change
    status = {"Creating": "Creating", "Updating": "Updating", "Deleting": "Deleting"}.get(thing.status)
    since = change.since if change else thing.created
    found: Members = {"ProductionVariants": [_summary(each, status, since) for each in thing.members[_DEPLOYED]]}
    if thing.status == "Updating" and change is not None:
        pending = thing.members["Pending"]
        length = (change.until or now + 1) - change.since
        stage = _STAGES[min(2, int(3 * (now - change.since) / length))] if length > 0 else _STAGES[0]
        found["PendingDeploymentSummary"] = {
            "EndpointConfigName": pending["EndpointConfigName"],
            "StartTime": change.since,
            "ProductionVariants": [_summary(each, stage, change.since) for each in pending[_DEPLOYED]],
        }
    config = store.get(CONFIG.name, thing.members["EndpointConfigName"])
    capture = config and config.members.get("DataCaptureConfig")
    if capture:
        found["DataCaptureConfig"] = {
            "EnableCapture": bool(capture.get("EnableCapture", True)),
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    return found


def _summary(variant: Mapping[str, Any], status: str | None, since: float) -> Members:
    weight = float(variant.get("InitialVariantWeight", 1.0))
    found: Members = {
        "VariantName": variant["VariantName"],
        "DeployedImages": [
            {"SpecifiedImage": one["Image"], "ResolvedImage": one["Image"], "ResolutionTime": since}
            for one in variant["Containers"]
            if one.get("Image")
        ],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }
    if (count := variant.get("InitialInstanceCount")) is not None:
        found |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    if status is not None:
        found["VariantStatus"] = [{"Status": status, "StartTime": since}]
    return found


def invoke(store: Store, account: str, name: str, variant: str | None, component: str | None) -> Members:
    """What answers a request to an endpoint now.

    :raises AwsError: ValidationError, nothing of this name serves.
    """
    thing = store.get(ENDPOINT.name, name)
    if thing is None or thing.status not in _SERVING:
        raise AwsError("ValidationError", f"Endpoint {name} of account {account} not found.")
    variants = thing.members[_DEPLOYED]
    chosen = next((v for v in variants if variant in (None, v["VariantName"])), None)
    if chosen is None:
        raise AwsError("ValidationError", f"Variant {variant} of endpoint {name} not found.")
    found = {
        "endpoint": thing.name,
        "endpointConfig": thing.members["EndpointConfigName"],
        "variant": chosen["VariantName"],
        "model": chosen.get("ModelName", ""),
        "containers": chosen["Containers"],
    }
    if component is not None:
        if store.get("InferenceComponent", component) is None:
            raise AwsError("ValidationError", f"Inference Component {component} not found.")
        found["inferenceComponent"] = component
    return found
