"""Whether the role of a pipeline can be what it has to be: plausible, of the same account, and trusting SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.doctor.lines import Level, Line
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.manifest import SpecError, check_role_arn

SERVICE = "sagemaker.amazonaws.com"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}],
}
"""What the role's trust policy must allow."""


def plausible_role(pipeline: Mapping[str, Any]) -> Line | None:
    """What is wrong with a Pipeline's ``roleARN`` as a text; None: nothing."""
    arn = str(fields.spec(pipeline).get("roleARN") or "")
    where = f"pipeline/{fields.name(pipeline)} (namespace {fields.namespace(pipeline)})"
    try:
        check_role_arn(arn)
    except SpecError as error:
        return Line("role", Level.PROBLEM, str(error), where, "Give the ARN of the role that the steps run as.")
    owner = fields.status(pipeline).get("ackResourceMetadata")
    account = owner.get("ownerAccountID") if isinstance(owner, Mapping) else None
    if account and account != arn.split(":")[4]:
        return Line(
            "role",
            Level.PROBLEM,
            f"The role {arn} is of another account than the pipeline ({account})",
            where,
            "SageMaker takes a role of the pipeline's own account only.",
        )
    return None


def trusts_sagemaker(arn: str, document: Mapping[str, Any]) -> Line:
    """Whether a role's trust policy lets SageMaker assume it.

    :param document: its ``AssumeRolePolicyDocument``, as an object.
    """
    statements = document.get("Statement") or ()
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        services = (statement.get("Principal") or {}).get("Service") if statement.get("Principal") != "*" else SERVICE
        actions = statement.get("Action")
        if (
            statement.get("Effect") == "Allow"
            and SERVICE in ([services] if isinstance(services, str) else services or ())
            and {"sts:AssumeRole", "sts:*", "*"} & set([actions] if isinstance(actions, str) else actions or ())
        ):
            return Line("trust", Level.OK, "The role trusts SageMaker", arn)
    return Line(
        "trust",
        Level.PROBLEM,
        f"The role does not let {SERVICE} assume it, so that no step can start",
        arn,
        "Set its trust policy to that of deploy/iam/execution-role-trust.json.",
    )
