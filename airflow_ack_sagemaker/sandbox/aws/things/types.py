"""The types of things, one row each: how they are named, which statuses they go through, what SageMaker says of them.

Statuses are the enums of the API model. The words of the errors are those that the ACK controller's generator.yaml
tells "it is not there" from, or what SageMaker is known to say; tests compare neither with the real service.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_ack_sagemaker.core.resource.kinds import KINDS, Kind
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError

VALIDATION, IN_USE, NOT_FOUND = "ValidationException", "ResourceInUse", "ResourceNotFound"


@dataclass(frozen=True, slots=True)
class ThingType:
    """One type. Its API operations are ``Create`` + ``name``, ``Describe`` + ``name``, and so on.

    ``identity`` are the members of a request that name it. ``create``, ``update``, ``stop``, ``start`` and ``delete``
    are the status at once and the one that follows when the change is done; None: the change is done at once.
    ``missing`` and ``taken`` are an error's code and its text, with ``{arn}`` and ``{name}``.
    """

    name: str
    arn: str
    identity: tuple[str, ...]
    missing: tuple[str, str]
    taken: tuple[str, str]
    create: tuple[str, str] | None = None
    update: tuple[str, str] | None = None
    delete: tuple[str, str] | None = None
    stop: tuple[str, str] | None = None
    start: tuple[str, str] | None = None
    failed: str = "Failed"
    """The status after a creation that fails."""
    generated: str | None = None
    """The member that SageMaker makes up, and by which it is found (a domain's id)."""
    filled: dict[str, object] = field(default_factory=dict)
    """What describing it tells where the request has not said it: SageMaker's own defaults, and required members."""

    @property
    def kind(self) -> Kind:
        """The ACK kind."""
        return KINDS[self.name]

    @property
    def status_member(self) -> str | None:
        """The member of its description that is its status."""
        field_name = self.kind.status_field
        return field_name and field_name[0].upper() + field_name[1:]

    def missing_error(self, arn: str, name: str) -> AwsError:
        """That there is no such thing."""
        code, text = self.missing
        return AwsError(code, text.format(arn=arn, name=name))

    def taken_error(self, arn: str, name: str) -> AwsError:
        """That there is one of this name already."""
        code, text = self.taken
        return AwsError(code, text.format(arn=arn, name=name))


_DELETING = ("Deleting", "")
_STOP = ("Stopping", "Stopped")
_JOB = ("InProgress", "Completed")
_NO_ISOLATION: dict[str, object] = {"EnableNetworkIsolation": False}
_JOB_TAKEN = (
    IN_USE,
    "Job name must be unique within an AWS account and region, and a job with this name exists ({arn})",
)


def _stored(name: str, arn: str, what: str, filled: dict[str, object] | None = None) -> ThingType:
    return ThingType(
        name,
        arn,
        (f"{name}Name",),
        (VALIDATION, f'Could not find {what} "{{arn}}".'),
        (VALIDATION, f'Cannot create already existing {what} "{{arn}}".'),
        filled=filled or {},
    )


def _job(name: str, arn: str, missing: tuple[str, str], filled: dict[str, object] | None = None) -> ThingType:
    return ThingType(name, arn, (f"{name}Name",), missing, _JOB_TAKEN, create=_JOB, stop=_STOP, filled=filled or {})


def _definition(name: str, arn: str) -> ThingType:
    return ThingType(
        name,
        arn,
        ("JobDefinitionName",),
        (NOT_FOUND, "Could not find a job definition with the name {name}."),
        (IN_USE, "A job definition with the name {name} already exists."),
    )


def _studio(name: str, arn: str, identity: tuple[str, ...], generated: str | None = None) -> ThingType:
    return ThingType(
        name,
        arn,
        identity,
        (NOT_FOUND, f"{name} [{{name}}] does not exist."),
        (IN_USE, f"{name} [{{name}}] already exists."),
        create=("Pending", "InService"),
        update=None if name == "App" else ("Updating", "InService"),
        delete=_DELETING,
        generated=generated,
    )


_ALL = (
    _stored("Model", "model", "model", _NO_ISOLATION),
    _stored("EndpointConfig", "endpoint-config", "endpoint configuration", _NO_ISOLATION),
    ThingType(
        "Endpoint",
        "endpoint",
        ("EndpointName",),
        (VALIDATION, 'Could not find endpoint "{arn}".'),
        (VALIDATION, 'Cannot create already existing endpoint "{arn}".'),
        create=("Creating", "InService"),
        update=("Updating", "InService"),
        delete=_DELETING,
    ),
    ThingType(
        "InferenceComponent",
        "inference-component",
        ("InferenceComponentName",),
        (VALIDATION, 'Could not find inference component "{arn}".'),
        (VALIDATION, 'Cannot create already existing inference component "{arn}".'),
        create=("Creating", "InService"),
        update=("Updating", "InService"),
        delete=_DELETING,
    ),
    ThingType(
        "ModelPackageGroup",
        "model-package-group",
        ("ModelPackageGroupName",),
        (VALIDATION, "ModelPackageGroup {arn} does not exist."),
        (VALIDATION, "Model Package Group already exists: {arn}"),
        create=("Pending", "Completed"),
        filled={"CreatedBy": {}},
    ),
    ThingType(
        "ModelPackage",
        "model-package",
        ("ModelPackageName",),
        (VALIDATION, "ModelPackage {arn} does not exist."),
        (VALIDATION, "Model Package already exists: {arn}"),
        create=("Pending", "Completed"),
        filled={"CertifyForMarketplace": False},
    ),
    _job(
        "TrainingJob",
        "training-job",
        (VALIDATION, "Requested resource not found."),
        {
            "EnableManagedSpotTraining": False,
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": False,
            "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP"},
            "ResourceConfig": {"InstanceCount": 1},
            "AlgorithmSpecification": {"EnableSageMakerMetricsTimeSeries": False},
        },
    ),
    _job("ProcessingJob", "processing-job", (VALIDATION, "Could not find requested job with name: {name}")),
    _job(
        "TransformJob",
        "transform-job",
        (VALIDATION, "Could not find requested job with name: {name}"),
        {"TransformInput": {"SplitType": "None", "CompressionType": "None"}},
    ),
    _job(
        "HyperParameterTuningJob",
        "hyper-parameter-tuning-job",
        (NOT_FOUND, "Amazon SageMaker can't find a tuning job with name {name}."),
        {
            "TrainingJobDefinition": {
                "EnableManagedSpotTraining": False,
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
            }
        },
    ),
    _job("LabelingJob", "labeling-job", (NOT_FOUND, "The labeling job {name} was not found.")),
    _definition("DataQualityJobDefinition", "data-quality-job-definition"),
    _definition("ModelBiasJobDefinition", "model-bias-job-definition"),
    _definition("ModelExplainabilityJobDefinition", "model-explainability-job-definition"),
    _definition("ModelQualityJobDefinition", "model-quality-job-definition"),
    ThingType(
        "MonitoringSchedule",
        "monitoring-schedule",
        ("MonitoringScheduleName",),
        (NOT_FOUND, "Monitoring Schedule with name {name} not found."),
        (IN_USE, "Monitoring Schedule with name {name} already exists."),
        create=("Pending", "Scheduled"),
        update=("Pending", "Scheduled"),
        stop=("Pending", "Stopped"),
        start=("Pending", "Scheduled"),
    ),
    ThingType(
        "FeatureGroup",
        "feature-group",
        ("FeatureGroupName",),
        (NOT_FOUND, "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"),
        (IN_USE, "Resource Already Exists: FeatureGroup with name {name} already exists."),
        create=("Creating", "Created"),
        delete=_DELETING,
        failed="CreateFailed",
        filled={"NextToken": ""},
    ),
    _studio("Domain", "domain", ("DomainName",), generated="DomainId"),
    _studio("UserProfile", "user-profile", ("DomainId", "UserProfileName")),
    _studio("Space", "space", ("DomainId", "SpaceName")),
    _studio("App", "app", ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName")),
    ThingType(
        "Project",
        "project",
        ("ProjectName",),
        (VALIDATION, "Project {name} does not exist."),
        (VALIDATION, "Project name {name} already exists."),
        create=("CreateInProgress", "CreateCompleted"),
        update=("UpdateInProgress", "UpdateCompleted"),
        delete=("DeleteInProgress", ""),
        failed="CreateFailed",
    ),
    ThingType(
        "NotebookInstance",
        "notebook-instance",
        ("NotebookInstanceName",),
        (VALIDATION, "RecordNotFound"),
        (VALIDATION, "Cannot create a duplicate Notebook Instance ({arn})"),
        create=("Pending", "InService"),
        update=("Updating", "Stopped"),
        delete=_DELETING,
        stop=_STOP,
        start=("Pending", "InService"),
        filled={
            "VolumeSizeInGB": 5,
            "DirectInternetAccess": "Enabled",
            "RootAccess": "Enabled",
            "PlatformIdentifier": "notebook-al2-v2",
        },
    ),
    ThingType(
        "NotebookInstanceLifecycleConfig",
        "notebook-instance-lifecycle-config",
        ("NotebookInstanceLifecycleConfigName",),
        (VALIDATION, "Unable to describe Notebook Instance Lifecycle Config '{arn}'. (Details: it does not exist.)"),
        (VALIDATION, "Cannot create a duplicate Notebook Instance Lifecycle Config ({arn})"),
    ),
)

TYPES: dict[str, ThingType] = {one.name: one for one in _ALL}
"""Every type, by the name of its ACK kind, which is SageMaker's."""

VERBS = ("Create", "Describe", "Update", "Delete", "Stop", "Start")


def operation_of(operation: str) -> tuple[str, ThingType] | None:
    """Verb and type of an operation; None where it is none of these. Lists have the verb ``List``."""
    for verb in VERBS:
        if operation.startswith(verb) and (found := TYPES.get(operation.removeprefix(verb))):
            return verb, found
    name = operation.removeprefix("List").removesuffix("s")
    found = TYPES.get(name) if operation.startswith("List") else None
    return None if found is None else ("List", found)
