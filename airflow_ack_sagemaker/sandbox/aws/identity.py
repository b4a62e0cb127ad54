"""Who asks: STS's GetCallerIdentity, which a controller sends first of all, and the errors of the query protocol.

moto answers it as well, but loads IAM with all of AWS's managed policies for it: 25 MB, for a sandbox that may never be
asked of a role.
"""

from __future__ import annotations

import sys
from uuid import uuid4
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from airflow_ack_sagemaker.sandbox.aws.engine import ACCOUNT
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def has_identities() -> bool:
    """Whether there may be users and roles, so that only moto knows who asks: they live in moto's IAM."""
    return "moto.iam.models" in sys.modules


def nobody(region: str) -> Response:
    """The answer to GetCallerIdentity for a key that is nobody's: that of moto, word for word."""
    from moto.utilities.utils import get_partition

    text = (
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult>'
        f"<UserId>AKIAIOSFODNN7EXAMPLE</UserId><Account>{ACCOUNT}</Account>"
        f"<Arn>arn:{get_partition(region)}:sts::{ACCOUNT}:user/moto</Arn></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    return Response(text, content_type="text/xml")


def refused_query(error: AwsError) -> Response:
    """An error in the XML of the query protocol (STS)."""
    text = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error></ErrorResponse>"
    )
    return Response(text, error.status, content_type="text/xml")
