"""Where to look when the controller says nothing on a resource: its log, which is elsewhere in each installation.

Helm names the Deployment after the release, and the EKS capability for ACK runs outside the cluster, so that no text
may name a Deployment: a label finds the Helm chart's pods whatever the release is called, and AWS tells of the
capability.
"""

from __future__ import annotations

CONTROLLER_LOG = (
    "kubectl logs -n ack-system -l k8s-app=sagemaker-chart (installed by Helm), or aws eks describe-capability "
    "--cluster-name CLUSTER --capability-name NAME (EKS capability)"
)
"""The commands that show what the controller says, for both ways of installing it."""
