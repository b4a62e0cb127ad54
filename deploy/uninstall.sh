#!/bin/bash
# Take the controller's resources out of a cluster and lose nothing in AWS:
#
#   deploy/uninstall.sh NAMESPACE...
#
# Every kept thing (pipelines, models, endpoints, ...) of the namespaces gets the deletion policy "retain", then its
# resource is deleted; in AWS it stays as it is. Executions and jobs that run are waited for: deleting their resources
# would stop them. Afterwards: helm uninstall -n ack-system RELEASE (or delete the EKS capability), and only then
# kubectl delete crd -l ... where nothing else uses the kinds: Helm leaves them.
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "Usage: $0 NAMESPACE..." >&2
  exit 2
fi
jobs="pipelineexecutions trainingjobs processingjobs transformjobs hyperparametertuningjobs labelingjobs"
# In this order: what is used after what uses it.
kept="inferencecomponents endpoints endpointconfigs models monitoringschedules dataqualityjobdefinitions
  modelqualityjobdefinitions modelbiasjobdefinitions modelexplainabilityjobdefinitions modelpackages modelpackagegroups
  featuregroups pipelines apps spaces userprofiles domains notebookinstances notebookinstancelifecycleconfigs projects"
group=sagemaker.services.k8s.aws

for namespace in "$@"; do
  for kind in $jobs; do
    running=$(kubectl get "$kind.$group" --namespace "$namespace" --output jsonpath='{range .items[*]}{.metadata.name}{" "}{.status.pipelineExecutionStatus}{.status.trainingJobStatus}{.status.processingJobStatus}{.status.transformJobStatus}{.status.hyperParameterTuningJobStatus}{.status.labelingJobStatus}{"\n"}{end}' |
      grep -E ' (Executing|InProgress|Initializing|Stopping)$' || true)
    if [ -n "$running" ]; then
      echo "In namespace $namespace still run, and would be stopped: wait for them, or stop them yourself." >&2
      echo "$running" >&2
      exit 1
    fi
  done
done
for namespace in "$@"; do
  for kind in $kept; do
    kubectl annotate "$kind.$group" --namespace "$namespace" --all --overwrite services.k8s.aws/deletion-policy=retain
  done
  for kind in $jobs $kept; do
    kubectl delete "$kind.$group" --namespace "$namespace" --all --timeout=120s
  done
done
