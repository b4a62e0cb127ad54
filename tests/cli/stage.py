"""One thing of each sort in a namespace, which commands are pointed at."""

from __future__ import annotations

import time
from typing import Any

import boto3
import yaml

from harness.plain_client import connect
from harness.waiting import HUNG, wait_until
from tests.cli.world import ROLE, Cli, World
from tests.sandbox.specs import SPECS

API = "sagemaker.services.k8s.aws/v1alpha1"


class Stage:
    """One thing of each sort in a namespace, which the commands are pointed at."""

    def __init__(self, cli: Cli, world: World) -> None:
        self.world, self._client = world, connect(world.kubeconfig)
        self.things = {"role": ROLE, "pipeline": "promised", "definition": str(world.definition)}
        invalid, other = world.folder / "invalid.json", world.folder / "other.json"
        invalid.write_text('{"Version": "2020-12-01", "Steps": [{"Name": "A"}]}')
        other.write_text(world.definition.read_text().replace("Prepare", "Clean"))
        self.things |= {"invalid": str(invalid), "other": str(other)}
        cli.done("apply", str(world.definition), "--pipeline", "promised", "--role-arn", ROLE)
        for name in ("spare", "spare2"):
            cli.done("apply", str(world.definition), "--pipeline", name, "--role-arn", ROLE)
            self.things[name] = f"pipeline/{name}"
        world.sandbox.script.add("promised/Train#1=Failed:out of memory")
        (failed,) = cli("run", "promised", "-o", "json").json
        (ended,) = cli.done("run", "promised", "-o", "json").json
        self.things |= {"failed": failed["name"], "ended": ended["name"]}
        cli.done("run", "spare", "-o", "json")
        self._log(ended)
        self._serve(cli)

    def typed(self, arguments: str) -> list[str]:
        """What a user types."""
        return arguments.format(**self.things).split()

    def asked_for(self) -> dict[str, Any]:
        """Everything in the namespace, but for what a controller writes."""
        found: dict[str, Any] = {}
        for plural in ("pipelines", "pipelineexecutions", "modelpackages", "endpoints"):
            answer = self._client.get(f"/apis/{API}/namespaces/{self.world.namespace}/{plural}").raise_for_status()
            for item in answer.json()["items"]:
                metadata = item["metadata"]
                found[metadata["uid"]] = (metadata["generation"], metadata.get("deletionTimestamp"), item["spec"])
        return found

    def settle(self) -> None:
        """Wait until what was deleted is gone: the controller has to let it go."""
        wait_until(lambda: not any(deleted for _, deleted, _ in self.asked_for().values()), HUNG, "all to be gone")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _log(self, execution: dict[str, Any]) -> None:
        from airflow_ack_sagemaker.core.run.step_logs import log_of

        options = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": "us-east-1"}
        url = self.world.sandbox.aws_endpoint_url
        sagemaker = boto3.client("sagemaker", endpoint_url=url, **options)
        logs: Any = boto3.client("logs", endpoint_url=url, **options)
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution["arn"])["PipelineExecutionSteps"]
        found = log_of(next(dict(one) for one in steps if one["StepName"] == "Train"))
        assert found is not None
        group, stream = found.group, f"{found.prefix}algo-1"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        # Not the step's own time: the sandbox's clock runs ahead, and CloudWatch takes no event of in two hours.
        event = {"timestamp": int(time.time() * 1000), "message": "epoch 1"}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
        for client in (sagemaker, logs):
            client.close()
        self.things["logged"] = f"{execution['name']} Train"

    def _serve(self, cli: Cli) -> None:
        variant = {"variantName": "a", "modelName": "model", "instanceType": "ml.m5.large", "initialInstanceCount": 1}
        specs: list[tuple[str, str, dict[str, Any]]] = [
            ("Model", "model", {**SPECS["Model"], "modelName": "model"}),
            ("EndpointConfig", "one", {"endpointConfigName": "one", "productionVariants": [variant]}),
            ("EndpointConfig", "two", {"endpointConfigName": "two", "productionVariants": [variant]}),
            ("Endpoint", "endpoint", {"endpointName": "endpoint", "endpointConfigName": "one"}),
            ("ModelPackageGroup", "group", {"modelPackageGroupName": "group"}),
            ("ModelPackage", "package", {**SPECS["ModelPackage"], "modelPackageGroupName": "group"}),
        ]
        for kind, name, spec in specs:
            path = self.world.folder / f"{kind}-{name}.yaml"
            path.write_text(yaml.safe_dump({"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}))
            cli.done("apply", str(path))
            self.things[kind.lower() if kind != "ModelPackage" else "package"] = name
