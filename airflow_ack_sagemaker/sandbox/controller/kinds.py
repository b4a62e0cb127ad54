"""The managers of all kinds."""

from __future__ import annotations

from airflow_ack_sagemaker.sandbox.controller.manager import Manager
from airflow_ack_sagemaker.sandbox.controller.pipelines import Executions, Pipelines
from airflow_ack_sagemaker.sandbox.controller.things import (
    Deletion,
    Endpoint,
    Notebook,
    Package,
    Row,
    Schedule,
    Thing,
    Training,
)

_VALIDATION, _NOT_FOUND = "ValidationException", "ResourceNotFound"
_IN_USE = frozenset({"ResourceNotFound", "ResourceInUse"})
_CONFLICT = frozenset({"ConflictException"})
_FAILED = frozenset({"Failed"})
_NO_ISOLATION = ("enableNetworkIsolation",)


def _definition(kind: str) -> Thing:
    missing = (_NOT_FOUND, "")
    return Thing(Row(kind, ("jobDefinitionName",), missing, deletion=Deletion.AT_ONCE, terminal=_IN_USE))


def _job(kind: str, name: str, missing: tuple[str, str], late: tuple[str, ...] = ()) -> Row:
    return Row(kind, (name,), missing, late=late, deletion=Deletion.STOPS, terminal=_IN_USE)


def _studio(kind: str, identity: tuple[str, ...], updated: tuple[str, ...] | None, terminal: frozenset[str]) -> Thing:
    row = Row(
        kind,
        identity,
        (_NOT_FOUND, ""),
        updated=updated,
        updating="Updating",
        compared=updated and tuple(name for name in updated if name not in identity),
        terminal=terminal,
    )
    return Thing(row)


_TRAINING_DEFAULTS = (
    "enableManagedSpotTraining",
    "enableNetworkIsolation",
    "enableInterContainerTrafficEncryption",
)

MANAGERS: tuple[Manager, ...] = (
    Pipelines(),
    Executions(),
    Thing(
        Row(
            "Model",
            ("modelName",),
            (_VALIDATION, "Could not find model"),
            late=_NO_ISOLATION,
            deletion=Deletion.AT_ONCE,
        )
    ),
    Thing(
        Row(
            "EndpointConfig",
            ("endpointConfigName",),
            (_VALIDATION, "Could not find endpoint configuration"),
            late=_NO_ISOLATION,
            deletion=Deletion.AT_ONCE,
        )
    ),
    Endpoint(
        Row(
            "Endpoint",
            ("endpointName",),
            (_VALIDATION, "Could not find endpoint "),
            updated=("endpointConfigName", "deploymentConfig"),
            compared=("endpointConfigName", "deploymentConfig"),
            renamed={"deploymentConfig": "LastDeploymentConfig"},
            gives_up=_FAILED,
            resync=30.0,
        )
    ),
    Thing(
        Row(
            "InferenceComponent",
            ("inferenceComponentName",),
            (_VALIDATION, "Could not find inference component"),
            updated=("specification", "runtimeConfig"),
            updating="Updating",
            compared=("specification",),
            gives_up=_FAILED,
            resync=30.0,
        )
    ),
    Thing(
        Row(
            "ModelPackageGroup",
            ("modelPackageGroupName",),
            (_VALIDATION, "does not exist."),
            terminal=_CONFLICT,
        )
    ),
    Package(
        Row(
            "ModelPackage",
            (),
            (_VALIDATION, "does not exist."),
            updated=("modelApprovalStatus", "approvalDescription", "customerMetadataProperties"),
            late=("certifyForMarketplace",),
            filled=("modelPackageName", "modelApprovalStatus"),
            unseen=("clientToken",),
            terminal=_CONFLICT,
            gives_up=_FAILED,
        )
    ),
    Training(
        Row(
            "TrainingJob",
            ("trainingJobName",),
            (_VALIDATION, "Requested resource not found"),
            updated=(),
            late=(
                *_TRAINING_DEFAULTS,
                "outputDataConfig.kmsKeyID",
                "outputDataConfig.compressionType",
                "resourceConfig.instanceCount",
                "algorithmSpecification.enableSageMakerMetricsTimeSeries",
            ),
            deletion=Deletion.STOPS,
            terminal=_IN_USE,
            resync=300.0,
        )
    ),
    Thing(_job("ProcessingJob", "processingJobName", (_VALIDATION, "Could not find requested job"))),
    Thing(
        _job(
            "TransformJob",
            "transformJobName",
            (_VALIDATION, "Could not find requested job with name"),
            ("transformInput.splitType", "transformInput.compressionType"),
        )
    ),
    Thing(
        _job(
            "HyperParameterTuningJob",
            "hyperParameterTuningJobName",
            (_NOT_FOUND, ""),
            tuple(f"trainingJobDefinition.{name}" for name in _TRAINING_DEFAULTS),
        )
    ),
    Thing(_job("LabelingJob", "labelingJobName", (_NOT_FOUND, ""))),
    _definition("DataQualityJobDefinition"),
    _definition("ModelBiasJobDefinition"),
    _definition("ModelExplainabilityJobDefinition"),
    _definition("ModelQualityJobDefinition"),
    Schedule(
        Row(
            "MonitoringSchedule",
            ("monitoringScheduleName",),
            (_NOT_FOUND, ""),
            updated=("monitoringScheduleConfig",),
            updating="Pending",
            compared=("monitoringScheduleConfig",),
            terminal=_IN_USE,
            gives_up=_FAILED,
            resync=30.0,
        )
    ),
    Thing(
        Row(
            "FeatureGroup",
            ("featureGroupName",),
            (_NOT_FOUND, ""),
            terminal=_IN_USE,
            gives_up=frozenset({"CreateFailed"}),
        )
    ),
    # Of the Studio's kinds, a domain alone takes a ValidationException for the end.
    _studio(
        "Domain",
        ("status.domainID",),
        ("defaultUserSettings", "defaultSpaceSettings", "appNetworkAccessType", "subnetIDs"),
        frozenset({_VALIDATION}),
    ),
    _studio("UserProfile", ("domainID", "userProfileName"), ("userSettings",), frozenset()),
    _studio("Space", ("domainID", "spaceName"), ("spaceSettings", "spaceDisplayName"), frozenset()),
    _studio("App", ("domainID", "userProfileName", "spaceName", "appType", "appName"), None, frozenset()),
    Thing(
        Row(
            "Project",
            ("projectName",),
            (_VALIDATION, "does not exist"),
            updated=("projectDescription",),
            updating="UpdateInProgress",
            compared=("projectDescription",),
        )
    ),
    Notebook(
        Row(
            "NotebookInstance",
            ("notebookInstanceName",),
            (_VALIDATION, "RecordNotFound"),
            updated=("instanceType", "roleARN", "volumeSizeInGB", "rootAccess", "lifecycleConfigName"),
            updating="Updating",
            compared=("instanceType", "roleARN", "volumeSizeInGB", "rootAccess", "lifecycleConfigName"),
            filled=("volumeSizeInGB", "rootAccess"),
            renamed={
                "lifecycleConfigName": "NotebookInstanceLifecycleConfigName",
                "securityGroupIDs": "SecurityGroups",
            },
            resync=60.0,
        )
    ),
    Thing(
        Row(
            "NotebookInstanceLifecycleConfig",
            ("notebookInstanceLifecycleConfigName",),
            (_VALIDATION, "Unable to describe Notebook Instance Lifecycle Config"),
            updated=("onCreate", "onStart"),
            deletion=Deletion.AT_ONCE,
        )
    ),
)
"""Of every kind of the controller."""
