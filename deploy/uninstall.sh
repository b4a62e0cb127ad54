#!/bin/bash
# Take the controller's resources out of a cluster and lose nothing in AWS:
#
#   deploy/uninstall.sh NAMESPACE...
#
# Pause the DAGs that use the namespaces first: what comes while this script works is not touched, and the script says so.
# It refuses while an execution or a job runs, or has no status yet (it was just launched): deleting its resource would
# stop it. Wait for them, or stop them yourself. Every kept thing (pipelines, models, endpoints, ...) gets the deletion
# policy "retain", then its resource is deleted; in AWS it stays as it is. Kinds that the cluster does not have are passed
# over. Whatever kubectl cannot do ends the script; run it again. Afterwards: helm uninstall -n ack-system RELEASE (or
# delete the EKS capability), and only then, where nothing else uses the kinds, the CRDs, which Helm leaves:
#
#   kubectl get crd --output name | grep '[.]sagemaker[.]services[.]k8s[.]aws$' | xargs kubectl delete
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "Usage: $0 NAMESPACE... (pause the DAGs that use them first)" >&2
  exit 2
fi
jobs="pipelineexecutions trainingjobs processingjobs transformjobs hyperparametertuningjobs labelingjobs"
ended="Succeeded CompletedWithFailures Completed Failed Stopped"
# In this order: what is used after what uses it.
kept="inferencecomponents endpoints endpointconfigs models monitoringschedules dataqualityjobdefinitions
  modelqualityjobdefinitions modelbiasjobdefinitions modelexplainabilityjobdefinitions modelpackages modelpackagegroups
  featuregroups pipelines apps spaces userprofiles domains notebookinstances notebookinstancelifecycleconfigs projects"
group=sagemaker.services.k8s.aws
columns='{range .items[*]}{.kind}/{.metadata.name}/{.status.pipelineExecutionStatus}{.status.trainingJobStatus}{.status.processingJobStatus}{.status.transformJobStatus}{.status.hyperParameterTuningJobStatus}{.status.labelingJobStatus}/{.metadata.annotations.services\.k8s\.aws/deletion-policy}{"\n"}{end}'

# served KIND...: puts those into $there that this cluster has; the CRDs of an older controller lack some.
served() {
  local kind answer
  answer=$(kubectl get --raw "/apis/$group/v1alpha1")
  there=
  for kind in "$@"; do
    if grep -qE "\"name\": ?\"$kind\"" <<<"$answer"; then
      there+=" $kind"
    else
      echo "This cluster has no $kind." >&2
    fi
  done
}

# look NAMESPACE KIND...: puts a line for each resource into $found. It is a statement of its own, so that a kubectl that
# fails ends the script: what cannot be read is not "there is none".
look() {
  local namespace=$1 kinds
  shift
  kinds=$(printf ",%s.$group" "$@")
  found=$(kubectl get "${kinds#,}" --namespace "$namespace" --output jsonpath="$columns")
}

# refuse NAMESPACE WHY LINES: ends the script if there are lines.
refuse() {
  if [ -n "$3" ]; then
    printf 'In namespace %s %s\n%s\n' "$1" "$2" "$3" >&2
    exit 1
  fi
}

# What of the found has not surely ended: a status that is not among the ends, none included, is no end.
refuse_running() {
  local kind name status policy running=
  while IFS=/ read -r kind name status policy; do
    if [ -n "$name" ] && { [ -z "$status" ] || [[ " $ended " != *" $status "* ]]; }; then
      running+="  $kind $name ${status:-(no status yet)}"$'\n'
    fi
  done <<<"$found"
  refuse "$1" "still run, and would be stopped: pause the DAGs, then wait for these or stop them yourself. What has no
status was just launched, or never starts: kubectl describe says why, delete that one yourself." "$running"
}

refuse_unretained() {
  refuse "$1" "came meanwhile, and would be deleted in AWS: pause the DAGs and start again." \
    "$(awk -F/ '$2 != "" && $4 != "retain" { print "  " $1, $2 }' <<<"$found")"
}

# By name, so that nothing is deleted that came after the look.
delete_found() {
  local names
  names=$(cut -d/ -f2 <<<"$found")
  if [ -n "$names" ]; then
    xargs -n 500 kubectl delete "$2.$group" --namespace "$1" --ignore-not-found --timeout=120s <<<"$names"
  fi
}

served $jobs
jobs=$there
served $kept
kept=$there
if [ -z "$jobs" ] || [ -z "$kept" ]; then
  echo "This cluster does not have the kinds of the controller: nothing was done." >&2
  exit 1
fi
for namespace in "$@"; do
  look "$namespace" $jobs
  refuse_running "$namespace"
done
for namespace in "$@"; do
  for kind in $jobs; do
    look "$namespace" "$kind"
    refuse_running "$namespace"
    delete_found "$namespace" "$kind"
  done
  for kind in $kept; do
    look "$namespace" "$kind"
    if [ -n "$found" ]; then
      kubectl annotate "$kind.$group" --namespace "$namespace" --all --overwrite services.k8s.aws/deletion-policy=retain
      look "$namespace" "$kind"
      refuse_unretained "$namespace"
      delete_found "$namespace" "$kind"
    fi
  done
  look "$namespace" $jobs $kept
  refuse "$namespace" "came meanwhile, and was not touched: pause the DAGs and start again." \
    "$(awk -F/ '{ print "  " $1, $2 }' <<<"$found" | sed '/^ *$/d')"
done
