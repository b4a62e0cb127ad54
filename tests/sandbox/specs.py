"""A small spec of each kind that SageMaker takes, and what must be there before it."""

from __future__ import annotations

from typing import Any

from tests.sandbox.definitions import ROLE

IMAGE = "1.dkr.ecr.us-east-1.amazonaws.com/x:1"
NAME = "one"

_OUTPUT = {"monitoringOutputs": [{"s3Output": {"localPath": "/o", "s3URI": "s3://b/o"}}]}
_RESOURCES = {"clusterConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 1}}
_INPUT = {"endpointInput": {"endpointName": "before", "localPath": "/opt"}}
_VARIANT = {"variantName": "a", "modelName": "before", "instanceType": "ml.m5.large", "initialInstanceCount": 1}
_CHANNEL = {"dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/i"}}}
_TRAINING = {
    "roleARN": ROLE,
    "algorithmSpecification": {"trainingImage": IMAGE, "trainingInputMode": "File"},
    "outputDataConfig": {"s3OutputPath": "s3://b/o"},
    "resourceConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 1},
    "stoppingCondition": {"maxRuntimeInSeconds": 60},
}


def _definition(kind: str) -> dict[str, Any]:
    stem = kind[0].lower() + kind[1:]
    ground = {"groundTruthS3Input": {"s3URI": "s3://b/g"}} if kind in ("ModelQuality", "ModelBias") else {}
    image: dict[str, Any] = {"imageURI": IMAGE}
    if kind in ("ModelBias", "ModelExplainability"):
        image["configURI"] = "s3://b/c.json"
    if kind == "ModelQuality":
        image["problemType"] = "Regression"
    return {
        "jobDefinitionName": NAME,
        "roleARN": ROLE,
        f"{stem}AppSpecification": image,
        f"{stem}JobInput": {**_INPUT, **ground},
        f"{stem}JobOutputConfig": _OUTPUT,
        "jobResources": _RESOURCES,
    }


SPECS: dict[str, dict[str, Any]] = {
    "Model": {"modelName": NAME, "executionRoleARN": ROLE, "primaryContainer": {"image": IMAGE}},
    "EndpointConfig": {"endpointConfigName": NAME, "productionVariants": [_VARIANT]},
    "Endpoint": {"endpointName": NAME, "endpointConfigName": "before"},
    "InferenceComponent": {
        "inferenceComponentName": NAME,
        "endpointName": "before",
        "variantName": "a",
        "specification": {
            "modelName": "before",
            "computeResourceRequirements": {"minMemoryRequiredInMb": 128},
        },
        "runtimeConfig": {"copyCount": 1},
    },
    "ModelPackageGroup": {"modelPackageGroupName": NAME},
    "ModelPackage": {
        "modelPackageGroupName": "before",
        "inferenceSpecification": {
            "containers": [{"image": IMAGE, "modelDataURL": "s3://b/m.tar.gz"}],
            "supportedContentTypes": ["text/csv"],
            "supportedResponseMIMETypes": ["text/csv"],
        },
    },
    "TrainingJob": {"trainingJobName": NAME, **_TRAINING},
    "ProcessingJob": {
        "processingJobName": NAME,
        "roleARN": ROLE,
        "appSpecification": {"imageURI": IMAGE},
        "processingResources": _RESOURCES,
    },
    "TransformJob": {
        "transformJobName": NAME,
        "modelName": "before",
        "transformInput": _CHANNEL,
        "transformOutput": {"s3OutputPath": "s3://b/o"},
        "transformResources": {"instanceCount": 1, "instanceType": "ml.m5.large"},
    },
    "HyperParameterTuningJob": {
        "hyperParameterTuningJobName": NAME,
        "hyperParameterTuningJobConfig": {
            "strategy": "Bayesian",
            "hyperParameterTuningJobObjective": {"type_": "Minimize", "metricName": "mse"},
            "resourceLimits": {"maxNumberOfTrainingJobs": 2, "maxParallelTrainingJobs": 1},
        },
        "trainingJobDefinition": {name: value for name, value in _TRAINING.items() if name != "trainingJobName"},
    },
    "LabelingJob": {
        "labelingJobName": NAME,
        "labelAttributeName": "label",
        "roleARN": ROLE,
        "inputConfig": {"dataSource": {"s3DataSource": {"manifestS3URI": "s3://b/in.manifest"}}},
        "outputConfig": {"s3OutputPath": "s3://b/o"},
        "humanTaskConfig": {
            "workteamARN": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/w",
            "uiConfig": {"uiTemplateS3URI": "s3://b/ui.html"},
            "preHumanTaskLambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:pre",
            "taskTitle": "t",
            "taskDescription": "d",
            "numberOfHumanWorkersPerDataObject": 1,
            "taskTimeLimitInSeconds": 60,
            "annotationConsolidationConfig": {
                "annotationConsolidationLambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:acs"
            },
        },
    },
    "DataQualityJobDefinition": _definition("DataQuality"),
    "ModelBiasJobDefinition": _definition("ModelBias"),
    "ModelExplainabilityJobDefinition": _definition("ModelExplainability"),
    "ModelQualityJobDefinition": _definition("ModelQuality"),
    "MonitoringSchedule": {
        "monitoringScheduleName": NAME,
        "monitoringScheduleConfig": {
            "monitoringType": "DataQuality",
            "monitoringJobDefinitionName": "before",
            "scheduleConfig": {"scheduleExpression": "cron(0 * ? * * *)"},
        },
    },
    "FeatureGroup": {
        "featureGroupName": NAME,
        "recordIdentifierFeatureName": "id",
        "eventTimeFeatureName": "at",
        "featureDefinitions": [
            {"featureName": "id", "featureType": "String"},
            {"featureName": "at", "featureType": "String"},
        ],
        "onlineStoreConfig": {"enableOnlineStore": True},
    },
    "Domain": {
        "domainName": NAME,
        "authMode": "IAM",
        "defaultUserSettings": {"executionRole": ROLE},
        "subnetIDs": ["subnet-1"],
        "vpcID": "vpc-1",
    },
    "UserProfile": {"domainID": "DOMAIN", "userProfileName": NAME},
    "Space": {"domainID": "DOMAIN", "spaceName": NAME},
    "App": {"domainID": "DOMAIN", "appName": NAME, "appType": "JupyterLab", "userProfileName": "before"},
    "Project": {
        "projectName": NAME,
        "serviceCatalogProvisioningDetails": {"productID": "prod-1", "provisioningArtifactID": "pa-1"},
    },
    "NotebookInstance": {"notebookInstanceName": NAME, "instanceType": "ml.t3.medium", "roleARN": ROLE},
    "NotebookInstanceLifecycleConfig": {"notebookInstanceLifecycleConfigName": NAME},
}
"""A spec of each kind but pipelines and executions. ``DOMAIN`` stands for the id of a domain that is there."""
