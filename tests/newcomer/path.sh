# A newcomer's path, from an empty directory with the package in an empty environment: each step of the walk-through by
# hand (the SDK, jq, YAML, kubectl apply, get, describe, delete), and beside it what this package has for it. Run by
# test_path.py, which reads what is printed; the first thing that fails ends it.
set -euo pipefail

step() { printf '\n### %s\n' "$*"; }
until_it_says() { # WHAT COMMAND...: asks again until its output has it
    local wanted=$1 said='' tries=0
    shift
    until said=$("$@" 2>&1) && grep --quiet -- "$wanted" <<< "$said"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never said $wanted: $said" >&2; exit 1; }
        sleep 1
    done
    echo "$said"
}
set -m # a job is a group of its own, so that all of it ends
trap 'for job in $(jobs -p); do kill -- "-$job" || :; done 2> /dev/null; wait' EXIT

ROLE=arn:aws:iam::123456789012:role/sagemaker-pipelines
PIPELINES=pipelines.sagemaker.services.k8s.aws

step a stand-in for cluster, controller and AWS
ack-sagemaker sandbox --speed 30 --directory sandbox > sandbox.txt &
until [ -s sandbox/sandbox.json ]; do sleep 0.2; done
source sandbox/environment.sh

step doctor
ack-sagemaker doctor

step the definition: what the SDK\'s pipeline.definition\(\) gives
cat > abalone.json << 'JSON'
{
  "Version": "2020-12-01",
  "Parameters": [{"Name": "Rounds", "Type": "Integer", "DefaultValue": 50}],
  "Steps": [
    {"Name": "Prepare", "Type": "Processing", "Arguments": {"RoleArn": "<<ROLE>>"}},
    {"Name": "Train", "Type": "Training", "Arguments": {"N": {"Get": "Parameters.Rounds"}}, "DependsOn": ["Prepare"]}
  ]
}
JSON
ack-sagemaker validate abalone.json --placeholder ROLE=$ROLE
ack-sagemaker graph abalone.json --placeholder ROLE=$ROLE
python -c "
import boto3
s3 = boto3.client('s3')
s3.create_bucket(Bucket='ml-models')
s3.upload_file('abalone.json', 'ml-models', 'abalone.json')"

step by hand: the definition quoted into YAML, kubectl apply
python - > by-hand.yaml << PYTHON
import json
body = json.dumps(open("abalone.json").read().replace("<<ROLE>>", "$ROLE"))
print("apiVersion: sagemaker.services.k8s.aws/v1alpha1\nkind: Pipeline\nmetadata:\n  name: abalone")
print(f"spec:\n  pipelineName: abalone\n  roleARN: $ROLE\n  pipelineDefinition: {body}")
PYTHON
kubectl apply -f by-hand.yaml
kubectl wait --for=jsonpath='{.status.pipelineStatus}'=Active $PIPELINES/abalone --timeout=300s

step render \| kubectl apply -f -: the same, from S3
ack-sagemaker render s3://ml-models/abalone.json --pipeline abalone --role-arn $ROLE --placeholder ROLE=$ROLE > rendered.yaml
ack-sagemaker diff abalone.json pipeline/abalone --placeholder ROLE=$ROLE
kubectl apply --server-side --force-conflicts -f - < rendered.yaml
ack-sagemaker wait pipeline/abalone

step by hand: kubectl apply, get, describe, delete
cat > execution.yaml << 'YAML'
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: PipelineExecution
metadata: {name: by-hand}
spec:
  pipelineName: abalone
  pipelineExecutionDisplayName: by-hand
  pipelineParameters: [{name: Rounds, value: "20"}]
YAML
kubectl apply -f execution.yaml
kubectl wait --for=jsonpath='{.status.pipelineExecutionStatus}'=Succeeded pipelineexecution/by-hand --timeout=600s
kubectl get pipelineexecution by-hand
kubectl describe pipelineexecution by-hand | grep 'Pipeline Execution Status'
kubectl delete pipelineexecution by-hand --timeout=300s

step run, list, describe: the same
NAME=$(ack-sagemaker run abalone -p Rounds=20 -o name)
ack-sagemaker list
ack-sagemaker describe "$NAME"
ack-sagemaker delete "$NAME"

step a DAG
export AIRFLOW_HOME=$PWD/airflow AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__API__PORT=$PORT
# Without it the scheduler of a busy machine may end at its start: database is locked.
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$AIRFLOW_HOME/airflow.db?timeout=60"
export AIRFLOW__API__BASE_URL=http://localhost:$PORT AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://localhost:$PORT/execution/
# On a busy machine a task would give its API server up after five seconds.
export AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=60
export AIRFLOW__ACK_SAGEMAKER__KUBE_CONFIG_PATHS=$KUBECONFIG AIRFLOW__ACK_SAGEMAKER__AWS_ENDPOINT_URLS=$AWS_ENDPOINT_URL
mkdir -p airflow/dags
cat > airflow/dags/retrain.py << PYTHON
from airflow.sdk import DAG
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

with DAG("retrain", schedule="@weekly", default_args={"retries": 3}) as dag:
    AckPipelineOperator(
        task_id="pipeline",
        pipeline_name="abalone",
        role_arn="$ROLE",
        definition_uri="s3://ml-models/abalone.json",
        placeholders={"ROLE": "$ROLE"},
    ) >> AckPipelineExecutionOperator(task_id="retrain", pipeline_name="abalone", parameters={"Rounds": 20})
PYTHON
airflow standalone > airflow.txt 2>&1 &
until_it_says retrain airflow dags details retrain > /dev/null
airflow dags unpause retrain --yes > /dev/null
airflow dags trigger retrain --run-id first > /dev/null
until_it_says '"Succeeded"' ack-sagemaker list --dag retrain -o json > /dev/null
ack-sagemaker list --dag retrain

step the page
PASSWORD=$(python -c 'import json; print(json.load(open("airflow/simple_auth_manager_passwords.json.generated"))["admin"])')
AIRFLOW=http://localhost:$PORT
TOKEN=$(curl --fail --silent --json '{"username": "admin", "password": "'"$PASSWORD"'"}' $AIRFLOW/auth/token \
    | python -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl --fail --silent --header "Authorization: Bearer $TOKEN" "$AIRFLOW/ack-sagemaker/api/executions" > page.json
python -c '
import json
for one in json.load(open("page.json"))["items"]:
    print("on the page:", one["pipeline"], one["state"])'

step stop
curl --fail --silent --request PUT "$AWS_ENDPOINT_URL/_sandbox/script" --data '{"rules": ["Train=hold"]}' > /dev/null
NAME=$(ack-sagemaker run abalone --no-wait -o name)
until_it_says Executing ack-sagemaker get "$NAME" > /dev/null
ack-sagemaker stop "$NAME"
curl --fail --silent --request DELETE "$AWS_ENDPOINT_URL/_sandbox/script" > /dev/null

step a test of the DAG
cat > test_retrain.py << 'PYTHON'
import importlib.util

import pytest
from airflow_ack_sagemaker.testing import run_dag


@pytest.fixture
def dag(ack_sandbox):
    ack_sandbox.put_definition("s3://ml-models/abalone.json", open("abalone.json").read())
    spec = importlib.util.spec_from_file_location("retrain", "airflow/dags/retrain.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag


def test_it_retrains(dag):
    assert run_dag(dag).succeeded


def test_a_step_that_fails(ack_sandbox, dag):
    ack_sandbox.script("Train=Failed:out of memory")
    assert run_dag(dag).tasks["retrain"] == "failed"
PYTHON
env --unset=AIRFLOW__DATABASE__SQL_ALCHEMY_CONN AIRFLOW_HOME=$PWD/test-home python -m pytest -q test_retrain.py

step clean up
ack-sagemaker collect --pipeline abalone --history-limit 0
ack-sagemaker delete pipeline/abalone
ack-sagemaker list pipelines -o name
step done
