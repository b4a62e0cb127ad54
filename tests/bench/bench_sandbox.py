"""How fast the sandbox starts, how much memory it takes, and how many executions it carries.

python tests/bench/bench_sandbox.py [EXECUTIONS]
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
import psutil


def main() -> None:
    """Print the measurements."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as directory:
        about = Path(directory, "sandbox.json")
        began = time.monotonic()
        command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", "sandbox", "--directory", directory]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not about.exists():
                time.sleep(0.005)
            where = json.loads(about.read_text())
            print(f"ready after                {time.monotonic() - began:6.2f} s")
            memory = psutil.Process(process.pid)
            print(f"memory when ready          {memory.memory_info().rss / 1e6:6.0f} MB")
            measure(where, count)
            print(f"memory with {count:5} runs    {memory.memory_info().rss / 1e6:6.0f} MB")
            began = time.monotonic()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        print(f"ended after                {time.monotonic() - began:6.2f} s")


def measure(where: dict[str, str], count: int) -> None:
    """Create many executions through the cluster and see how long the controller takes to start them."""
    from lightkube import Client, KubeConfig

    from airflow_ack_sagemaker.sandbox.controller.cluster import _CLASSES

    kube = Client(config=KubeConfig.from_file(where["kubeconfig"]).get(), trust_env=False)
    url = where["aws_endpoint_url"]
    keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}
    sagemaker = boto3.client("sagemaker", endpoint_url=url, **keys)
    text = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]})
    sagemaker.create_pipeline(
        PipelineName="bench", PipelineDefinition=text, RoleArn="arn:aws:iam::123456789012:role/bench"
    )
    kind = _CLASSES["PipelineExecution"]
    api = {"apiVersion": "sagemaker.services.k8s.aws/v1alpha1", "kind": "PipelineExecution"}
    began = time.monotonic()
    for index in range(count):
        metadata = {"name": f"run-{index}", "namespace": "default"}
        kube.create(kind({**api, "metadata": metadata, "spec": {"pipelineName": "bench"}}))
    print(f"creations                  {count / (time.monotonic() - began):6.0f} /s")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        with opener.open(f"{url}/_sandbox/requests") as answer:
            started = json.load(answer).get("StartPipelineExecution", 0)
        if started >= count:
            break
        time.sleep(0.05)
    print(f"reconciled                 {count / (time.monotonic() - began):6.0f} /s since the first was created")


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("AWS_") or name.upper().endswith("_PROXY")]:
        del os.environ[name]
    main()
