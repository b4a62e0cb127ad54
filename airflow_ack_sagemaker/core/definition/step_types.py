"""What a step of each type may and must have: the types of the API model's step metadata and of SageMaker's SDKs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_COMMON = frozenset({"Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "CacheConfig"})
_JOB = frozenset({"RetryPolicies"})
_CHECK = frozenset(
    {
        "CheckType",
        "FailOnViolation",
        "ModelName",
        "ModelPackageGroupName",
        "RegisterNewBaseline",
        "SkipCheck",
        "SuppliedBaselineConstraints",
        "SuppliedBaselineStatistics",
    }
)


class StepType(NamedTuple):
    """One type of step.

    :param metadata: the member of the API's ``PipelineExecutionStepMetadata`` that tells of such a step.
    :param members: what its object may have, beside what every step may have.
    :param required: the member that it cannot do without; a step without one needs ``Arguments``.
    """

    metadata: str
    members: frozenset[str] = frozenset()
    required: str | None = None

    @property
    def known(self) -> frozenset[str]:
        """Every member that a step of this type may have."""
        return _COMMON | self.members


STEP_TYPES: Mapping[str, StepType] = {
    "Athena": StepType("Athena", _JOB),
    "AutoML": StepType("AutoMLJob", _JOB),
    "BedrockCustomModel": StepType("BedrockCustomModel", _JOB),
    "BedrockCustomModelDeployment": StepType("BedrockCustomModelDeployment", _JOB),
    "BedrockModelImport": StepType("BedrockModelImport", _JOB),
    "BedrockProvisionedModelThroughput": StepType("BedrockProvisionedModelThroughput", _JOB),
    "Callback": StepType("Callback", frozenset({"SqsQueueUrl", "OutputParameters"}), "SqsQueueUrl"),
    "ClarifyCheck": StepType("ClarifyCheck", _CHECK | _JOB),
    "Cleanup": StepType("Cleanup", _JOB),
    "Condition": StepType("Condition"),
    "EMR": StepType("EMR", frozenset({"ClusterId", "ClusterConfig", "ExecutionRoleArn", "StepConfig"}) | _JOB),
    "EMRServerless": StepType("EMRServerless", _JOB),
    "Endpoint": StepType("Endpoint", _JOB),
    "EndpointConfig": StepType("EndpointConfig", _JOB),
    "Fail": StepType("Fail"),
    "ForEach": StepType("ForEach"),
    "HubContent": StepType("HubContent", _JOB),
    "InferenceComponent": StepType("InferenceComponent", _JOB),
    "Job": StepType("Job", _JOB),
    "Lambda": StepType("Lambda", frozenset({"FunctionArn", "OutputParameters"}), "FunctionArn"),
    "Lineage": StepType("Lineage", _JOB),
    "Model": StepType("Model", _JOB),
    "Processing": StepType("ProcessingJob", frozenset({"PropertyFiles"}) | _JOB),
    "QualityCheck": StepType("QualityCheck", _CHECK | _JOB),
    "RegisterModel": StepType("RegisterModel", _JOB),
    "Training": StepType("TrainingJob", frozenset({"PropertyFiles"}) | _JOB),
    "Transform": StepType("TransformJob", frozenset({"PropertyFiles"}) | _JOB),
    "Tuning": StepType("TuningJob", _JOB),
}
"""The known types by name. Others are passed on with a warning. A test compares them with botocore's model."""

COMPLETED = "Completed"
TRIGGERS = (COMPLETED, "Failed", "Stopped", "Any")
"""How the step before must have ended for a dependent one to run (SageMaker SDK 3, ``TriggerCondition``)."""

NOT_IN_A_LOOP = frozenset({"Condition", "Fail", "ForEach"})
"""Types that the body of a ForEach cannot have (SageMaker SDK 3, ``ForEachStep``)."""
