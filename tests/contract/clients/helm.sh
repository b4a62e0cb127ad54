# A release through its whole life: installed, upgraded, rolled back, uninstalled.
set -euo pipefail
role() { "$KUBECTL" --namespace "$NAMESPACE" get "$1" life --output "jsonpath=$2"; }
expect() { [ "$1" = "$2" ] || { echo "expected $2, found $1" >&2; exit 1; }; }
helm() { "$HELM" --namespace "$NAMESPACE" "$@"; }
first=arn:aws:iam::123456789012:role/first
second=arn:aws:iam::123456789012:role/second

helm install life "$HERE/chart"
expect "$(role pipeline '{.spec.roleARN}')" "$first"
expect "$(role configmap '{.data.role}')" "$first"
expect "$(role secret '{.data.role}' | base64 --decode)" "$first"

helm upgrade life "$HERE/chart" --set "role=$second"
expect "$(role pipeline '{.spec.roleARN}')" "$second"
expect "$(role configmap '{.data.role}')" "$second"
expect "$(role secret '{.data.role}' | base64 --decode)" "$second"
expect "$(helm list --short)" life

helm rollback life 1
expect "$(role pipeline '{.spec.roleARN}')" "$first"
expect "$(role configmap '{.data.role}')" "$first"
expect "$(helm history life --output json | grep --only-matching '"revision"' | wc --lines)" 3
helm status life
helm get manifest life | grep 'kind: Pipeline' > /dev/null

helm uninstall life
expect "$("$KUBECTL" --namespace "$NAMESPACE" get pipelines,configmaps,secrets --selector '!kube-root' --output name \
  | grep --count life || true)" 0
echo done
