# What one does by hand: apply, look, label, patch, wait, explain, delete.
set -euo pipefail
k() { "$KUBECTL" --namespace "$NAMESPACE" "$@"; }
expect() { [ "$1" = "$2" ] || { echo "expected $2, found $1" >&2; exit 1; }; }
pipeline() {
  printf '%s\n' 'apiVersion: sagemaker.services.k8s.aws/v1alpha1' 'kind: Pipeline' 'metadata: {name: by-hand}' \
    "spec: {pipelineName: by-hand, roleARN: $1}"
}

k version
k api-resources --api-group=sagemaker.services.k8s.aws | grep PipelineExecution > /dev/null
k explain pipeline.spec.roleARN | grep roleARN > /dev/null
k auth can-i create pipelines.sagemaker.services.k8s.aws
k auth can-i --list | grep '\*' > /dev/null
k auth whoami | grep system:masters > /dev/null

pipeline first | k apply --filename -
pipeline second | k apply --filename - | grep configured > /dev/null
pipeline third | k apply --server-side --force-conflicts --filename -
expect "$(k get pipeline by-hand --output 'jsonpath={.spec.roleARN}')" third
# A difference is exit code 1. No `grep --quiet`: it would end before kubectl has written all.
{ pipeline fourth | k diff --server-side --force-conflicts --filename - || [ $? = 1 ]; } | grep fourth > /dev/null
k label pipeline by-hand team=search
k annotate pipeline by-hand note=yes
k patch pipeline by-hand --type merge --patch '{"spec":{"pipelineDescription":"d"}}'
k wait --for 'jsonpath={.spec.pipelineDescription}=d' pipeline/by-hand --timeout 20s
k describe pipeline by-hand | grep 'Role ARN' > /dev/null
k get pipelines --selector team=search --output name | grep by-hand > /dev/null

k create configmap settings --from-literal a=1 --from-literal b=2
k patch configmap settings --type strategic --patch '{"data":{"a":null,"c":"3"}}'
expect "$(k get configmap settings --output 'jsonpath={.data}')" '{"b":"2","c":"3"}'
k get configmap settings --no-headers | grep --extended-regexp '^settings +2 ' > /dev/null
k create secret generic password --from-literal p=q
expect "$(k get secret password --output 'jsonpath={.data.p}')" cQ==
k create configmap settings --from-literal a=2 --dry-run=client --output yaml | k apply --server-side --force-conflicts \
  --filename -
k get events,leases,secrets
k delete pipeline,configmap,secret --all --wait=false
if k delete namespace default; then echo 'the namespace default was deleted' >&2; exit 1; fi
echo done
