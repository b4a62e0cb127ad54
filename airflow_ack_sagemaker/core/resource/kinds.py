"""The kinds of the ACK SageMaker controller: which of their statuses mean what, what names them, what may be changed.

Names, plurals and status fields are those of the controller's CRDs; the status values are the enums of the SageMaker
API model (botocore, service ``sagemaker``). A value that is in none of a kind's groups is unknown: never a success, and
never a reason to stop looking. What may be changed is what the controller sends in an update (its generator.yaml); it
calls any other edit ``ACK.Terminal``, or ignores it without a word. What a kind refers to: `core.resource.references`.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "sagemaker.services.k8s.aws"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One namespaced kind of the controller.

    ``status_field`` is the member of ``.status`` that carries SageMaker's own status, or None where the API has none
    (such a resource is done as soon as the controller calls it synced). ``succeeded``, ``failed``, ``stopped`` and
    ``running`` are the values of that field; ``name_field`` is the member of ``.spec`` that names the thing in
    SageMaker.
    """

    kind: str
    plural: str
    status_field: str | None = None
    succeeded: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()
    running: frozenset[str] = frozenset()
    name_field: str | None = None
    is_job: bool = False
    """Whether it ends by itself (a job, an execution) instead of being kept (a pipeline, an endpoint)."""
    by_arn: bool = False
    """Whether SageMaker's name for it is known only once it is made: its ARN is its identity, also for adoption."""
    updated: frozenset[str] = frozenset()
    """The members of ``.spec`` that may be changed once it is made. Tags are not among them: the controller sets them
    when it makes the thing, and never looks at them again."""
    results: tuple[str, ...] = ()
    """Members of ``.status`` that tell what came of it."""
    only_at_creation: frozenset[str] = frozenset()
    """Members of ``.spec`` that SageMaker never tells of: while they stand there the controller finds a difference at
    each look, and its status stays what it was."""

    @property
    def singular(self) -> str:
        """The lower-case singular, as kubectl takes it."""
        return self.kind.lower()

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.kind}List"

    def __str__(self) -> str:
        return self.kind


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PIPELINE = Kind(
    "Pipeline",
    "pipelines",
    "pipelineStatus",
    succeeded=_set("Active"),
    running=_set("Deleting"),
    name_field="pipelineName",
    updated=_set("pipelineDefinition pipelineDescription pipelineDisplayName parallelismConfiguration roleARN"),
)
PIPELINE_EXECUTION = Kind(
    "PipelineExecution",
    "pipelineexecutions",
    "pipelineExecutionStatus",
    succeeded=_set("Succeeded"),
    failed=_set("Failed CompletedWithFailures"),
    stopped=_set("Stopped"),
    running=_set("Executing Stopping"),
    is_job=True,
    by_arn=True,
)


def _job(
    kind: str,
    field: str,
    *,
    succeeded: str = "Completed",
    name: str,
    running: str = "InProgress Stopping",
    results: str = "",
) -> Kind:
    return Kind(
        kind,
        f"{kind.lower()}s",
        field,
        succeeded=_set(succeeded),
        failed=_set("Failed"),
        stopped=_set("Stopped"),
        running=_set(running),
        name_field=name,
        is_job=True,
        results=tuple(results.split()),
    )


def _studio(kind: str, name: str, updated: str, results: str = "") -> Kind:
    """A thing of SageMaker Studio: domain, user profile or space."""
    return Kind(
        kind,
        f"{kind.lower()}s",
        "status",
        succeeded=_set("InService"),
        failed=_set("Failed Update_Failed Delete_Failed"),
        running=_set("Pending Updating Deleting"),
        name_field=name,
        updated=_set(updated),
        results=tuple(results.split()),
    )


def _definition(kind: str, name: str, updated: str = "") -> Kind:
    """A thing that SageMaker only stores: it has no status of its own."""
    return Kind(kind, f"{kind.lower()}s", name_field=name, updated=_set(updated))


_ALL = (
    Kind(
        "App",
        "apps",
        "status",
        succeeded=_set("InService"),
        failed=_set("Failed"),
        running=_set("Pending Deleting Deleted"),
        name_field="appName",
    ),
    _definition("DataQualityJobDefinition", "jobDefinitionName"),
    _studio(
        "Domain",
        "domainName",
        "defaultUserSettings defaultSpaceSettings appNetworkAccessType appSecurityGroupManagement subnetIDs vpcID",
        "domainID url",
    ),
    _definition("EndpointConfig", "endpointConfigName"),
    Kind(
        "Endpoint",
        "endpoints",
        "endpointStatus",
        succeeded=_set("InService"),
        failed=_set("Failed OutOfService UpdateRollbackFailed"),
        running=_set("Creating Updating SystemUpdating RollingBack Deleting"),
        name_field="endpointName",
        updated=_set("endpointConfigName deploymentConfig"),
        results=("productionVariants",),
    ),
    Kind(
        "FeatureGroup",
        "featuregroups",
        "featureGroupStatus",
        succeeded=_set("Created"),
        failed=_set("CreateFailed DeleteFailed"),
        running=_set("Creating Deleting"),
        name_field="featureGroupName",
    ),
    _job(
        "HyperParameterTuningJob",
        "hyperParameterTuningJobStatus",
        name="hyperParameterTuningJobName",
        running="InProgress Stopping Deleting DeleteFailed",
        results="bestTrainingJob overallBestTrainingJob",
    ),
    Kind(
        "InferenceComponent",
        "inferencecomponents",
        "inferenceComponentStatus",
        succeeded=_set("InService"),
        failed=_set("Failed"),
        running=_set("Creating Updating Deleting"),
        name_field="inferenceComponentName",
        updated=_set("specification runtimeConfig"),
        results=("variantName",),
    ),
    _job(
        "LabelingJob",
        "labelingJobStatus",
        name="labelingJobName",
        running="Initializing InProgress Stopping",
        results="labelingJobOutput labelCounters",
    ),
    _definition("ModelBiasJobDefinition", "jobDefinitionName"),
    _definition("ModelExplainabilityJobDefinition", "jobDefinitionName"),
    Kind(
        "ModelPackageGroup",
        "modelpackagegroups",
        "modelPackageGroupStatus",
        succeeded=_set("Completed"),
        failed=_set("Failed DeleteFailed"),
        running=_set("Pending InProgress Deleting"),
        name_field="modelPackageGroupName",
    ),
    Kind(
        "ModelPackage",
        "modelpackages",
        "modelPackageStatus",
        succeeded=_set("Completed"),
        failed=_set("Failed"),
        running=_set("Pending InProgress Deleting"),
        name_field="modelPackageName",
        by_arn=True,
        updated=_set("modelApprovalStatus approvalDescription customerMetadataProperties"),
        results=("modelPackageStatusDetails",),
        only_at_creation=_set("clientToken"),
    ),
    _definition("ModelQualityJobDefinition", "jobDefinitionName"),
    _definition("Model", "modelName"),
    Kind(
        "MonitoringSchedule",
        "monitoringschedules",
        "monitoringScheduleStatus",
        succeeded=_set("Scheduled"),
        failed=_set("Failed"),
        stopped=_set("Stopped"),
        running=_set("Pending"),
        name_field="monitoringScheduleName",
        updated=_set("monitoringScheduleConfig"),
        results=("lastMonitoringExecutionSummary",),
    ),
    _definition("NotebookInstanceLifecycleConfig", "notebookInstanceLifecycleConfigName", "onCreate onStart"),
    Kind(
        "NotebookInstance",
        "notebookinstances",
        "notebookInstanceStatus",
        succeeded=_set("InService"),
        failed=_set("Failed"),
        stopped=_set("Stopped"),
        running=_set("Pending Stopping Deleting Updating PendingMaintenance InMaintenance"),
        name_field="notebookInstanceName",
        updated=_set(
            "acceleratorTypes additionalCodeRepositories defaultCodeRepository instanceType ipAddressType "
            "lifecycleConfigName platformIdentifier roleARN rootAccess volumeSizeInGB"
        ),
        results=("url",),
    ),
    PIPELINE,
    PIPELINE_EXECUTION,
    _job("ProcessingJob", "processingJobStatus", name="processingJobName"),
    Kind(
        "Project",
        "projects",
        "projectStatus",
        succeeded=_set("CreateCompleted UpdateCompleted"),
        failed=_set("CreateFailed DeleteFailed UpdateFailed"),
        running=_set("Pending CreateInProgress DeleteInProgress DeleteCompleted UpdateInProgress"),
        name_field="projectName",
        updated=_set("projectDescription"),
        results=("projectID", "serviceCatalogProvisionedProductDetails"),
    ),
    _studio("Space", "spaceName", "spaceSettings spaceDisplayName", "url"),
    _job(
        "TrainingJob",
        "trainingJobStatus",
        name="trainingJobName",
        running="InProgress Stopping Deleting",
        results="modelArtifacts secondaryStatus",
    ),
    _job("TransformJob", "transformJobStatus", name="transformJobName"),
    _studio("UserProfile", "userProfileName", "userSettings"),
)

KINDS: dict[str, Kind] = {kind.kind: kind for kind in _ALL}
"""Every kind of the controller, by its name."""


def kind_of(name: str) -> Kind:
    """The kind with this name, as in a manifest's ``kind``.

    :raises ValueError: the controller has no such kind; the message lists those that it has.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise ValueError(
            f"{name!r} is not a kind of the ACK SageMaker controller ({API_VERSION}). "
            f"Known kinds: {', '.join(sorted(KINDS))}."
        ) from None
