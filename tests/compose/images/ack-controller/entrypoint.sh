# Of the official controller's options, these two have a counterpart.
set -eu
for option; do
    case $option in
    --aws-endpoint-url=*) url=${option#*=} ;;
    --watch-namespace=*) namespace=${option#*=} ;;
    esac
done
exec ack-sagemaker sandbox --components=controller --speed=5 --kubeconfig="$KUBECONFIG" --namespace="$namespace" \
    --aws-endpoint-url="$url"
