"""The operations of the SageMaker API that deal with pipelines, with the jobs of their steps and with things: requests
in, answers out, as the API model has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.aws import callbacks
from airflow_ack_sagemaker.sandbox.aws.engine import Engine
from airflow_ack_sagemaker.sandbox.aws.errors import invalid, not_found
from airflow_ack_sagemaker.sandbox.aws.job_answers import find_job, is_ours
from airflow_ack_sagemaker.sandbox.aws.listing import created_within, ordered, page
from airflow_ack_sagemaker.sandbox.aws.objects import ObjectError, Readings, ReadObject
from airflow_ack_sagemaker.sandbox.aws.records import Execution, Pipeline, VersionNames
from airflow_ack_sagemaker.sandbox.aws.registrations import Registrations
from airflow_ack_sagemaker.sandbox.aws.responses import (
    describe_execution,
    describe_pipeline,
    describe_step,
    summarize_execution,
    summarize_pipeline,
    summarize_version,
    unselected_steps,
)
from airflow_ack_sagemaker.sandbox.aws.things.service import Things
from airflow_ack_sagemaker.sandbox.aws.things.thing import Thing
from airflow_ack_sagemaker.sandbox.aws.things.types import operation_of

Request = Mapping[str, Any]
Answer = dict[str, Any]


class Operations:
    """The operations of one region. Methods bear the names of the API."""

    def __init__(self, engine: Engine, read_object: ReadObject) -> None:
        self.engine = engine
        self.read_object = read_object
        self.things = Things(engine.region, engine.clock, engine.script)
        self.readings = Readings(engine, read_object)
        self.registrations = Registrations(engine, self.things.packages)

    def mine(self, operation: str, request: Request) -> bool:
        """Whether a request is answered here, and not by moto: tags of other types are moto's."""
        if operation.endswith("Tags"):
            arn = str(request.get("ResourceArn", ":pipeline/"))
            with self.engine.lock:
                return (
                    ":pipeline/" in arn or is_ours(arn.rpartition("/")[2]) or self.things.store.by_arn(arn) is not None
                )
        return is_served(operation)

    def answer(self, operation: str, request: Request) -> Answer:
        """The answer to a request that was checked against the API model."""
        method: Callable[[Request], Answer] | None = getattr(self, operation, None)
        with self.engine.lock:
            self.readings.catch_up()
            self.registrations.catch_up()
            return self.things.answer(operation, request) if method is None else method(request)

    def release(self, arn: str | None) -> int:
        """Let go on what a script holds, of one execution or thing or of all; gives the number of those."""
        with self.engine.lock:
            if arn is None or ":pipeline/" not in arn:
                released = self.things.store.release(arn)
                return released + (self.engine.release(None) if arn is None else 0)
            return self.engine.release(arn)

    def _definition(self, request: Request) -> str | None:
        text, location = request.get("PipelineDefinition"), request.get("PipelineDefinitionS3Location")
        if text is not None and location is not None:
            raise invalid("Only one of PipelineDefinition and PipelineDefinitionS3Location can be given.")
        if location is not None:
            bucket, key = location["Bucket"], location["ObjectKey"]
            try:
                return self.read_object(bucket, key, location.get("VersionId"))
            except ObjectError as error:
                raise invalid(f"Unable to read the pipeline definition from s3://{bucket}/{key}: {error}") from None
        return text if text is None else str(text)

    # -- pipelines

    def CreatePipeline(self, request: Request) -> Answer:
        arn = self.engine.replayed("CreatePipeline", request)
        if arn is None:
            text = self._definition(request)
            if text is None:
                raise invalid("One of PipelineDefinition and PipelineDefinitionS3Location must be given.")
            arn = self.engine.create(request["PipelineName"], text, request["RoleArn"], request).arn
            self.engine.remember("CreatePipeline", request, arn)
        return {"PipelineArn": arn}

    def UpdatePipeline(self, request: Request) -> Answer:
        pipeline = self.engine.pipeline(request["PipelineName"])
        version = self.engine.update(pipeline, self._definition(request), request)
        return {"PipelineArn": pipeline.arn, "PipelineVersionId": version.number}

    def DescribePipeline(self, request: Request) -> Answer:
        pipeline = self.engine.pipeline(request["PipelineName"])
        return describe_pipeline(pipeline, self.engine.version(pipeline, request.get("PipelineVersionId")))

    def DeletePipeline(self, request: Request) -> Answer:
        arn = self.engine.replayed("DeletePipeline", request)
        if arn is None:
            pipeline = self.engine.pipeline(request["PipelineName"])
            self.engine.delete(pipeline)
            arn = pipeline.arn
            self.engine.remember("DeletePipeline", request, arn)
        return {"PipelineArn": arn}

    def ListPipelines(self, request: Request) -> Answer:
        prefix = request.get("PipelineNamePrefix", "")
        found = [pipeline for name, pipeline in self.engine.pipelines.items() if name.startswith(prefix)]
        found = created_within(found, request, lambda p: p.created)
        keys: dict[str, Callable[[Pipeline], Any]] = {"Name": lambda p: p.name, "CreationTime": lambda p: p.created}
        chosen, following = page(ordered(found, request, keys, "CreationTime"), request)
        return {"PipelineSummaries": [summarize_pipeline(pipeline) for pipeline in chosen], **following}

    def ListPipelineVersions(self, request: Request) -> Answer:
        pipeline = self.engine.pipeline(request["PipelineName"])
        found = created_within(pipeline.versions, request, lambda v: v.created)
        chosen, following = page(ordered(found, request, {"Number": lambda v: v.number}, "Number"), request)
        return {"PipelineVersionSummaries": [summarize_version(pipeline, version) for version in chosen], **following}

    def UpdatePipelineVersion(self, request: Request) -> Answer:
        pipeline = self.engine.pipeline(request["PipelineArn"])
        version = self.engine.version(pipeline, request["PipelineVersionId"])
        names = pipeline.names.setdefault(version.number, VersionNames())
        names.display_name = request.get("PipelineVersionDisplayName", names.display_name)
        names.description = request.get("PipelineVersionDescription", names.description)
        return {"PipelineArn": pipeline.arn, "PipelineVersionId": version.number}

    # -- executions

    def StartPipelineExecution(self, request: Request) -> Answer:
        arn = self.engine.replayed("StartPipelineExecution", request)
        if arn is None:
            pipeline = self.engine.pipeline(request["PipelineName"])
            version = self.engine.version(pipeline, request.get("PipelineVersionId"))
            arn = self.engine.start(pipeline, version, request).arn
            self.engine.remember("StartPipelineExecution", request, arn)
        return {"PipelineExecutionArn": arn}

    def DescribePipelineExecution(self, request: Request) -> Answer:
        return describe_execution(self._execution(request), self.engine.clock.time())

    def UpdatePipelineExecution(self, request: Request) -> Answer:
        execution = self._execution(request)
        status = execution.status(self.engine.clock.time())
        if status != "Executing":
            raise invalid(
                f"Pipeline execution '{execution.arn}' is in status {status}. "
                "Only executions in status Executing can be updated."
            )
        execution.description = request.get("PipelineExecutionDescription", execution.description)
        execution.display_name = request.get("PipelineExecutionDisplayName", execution.display_name)
        # Steps that wait are not reordered: the new limit is told, but does not change a course that has begun.
        parallelism = (request.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps")
        execution.parallelism = parallelism or execution.parallelism
        execution.modified = self.engine.clock.time()
        return {"PipelineExecutionArn": execution.arn}

    def StopPipelineExecution(self, request: Request) -> Answer:
        if self.engine.replayed("StopPipelineExecution", request) is None:
            self.engine.stop(self._execution(request))
            self.engine.remember("StopPipelineExecution", request, request["PipelineExecutionArn"])
        return {"PipelineExecutionArn": request["PipelineExecutionArn"]}

    def RetryPipelineExecution(self, request: Request) -> Answer:
        if self.engine.replayed("RetryPipelineExecution", request) is None:
            self.engine.retry(self._execution(request), request)
            self.engine.remember("RetryPipelineExecution", request, request["PipelineExecutionArn"])
        return {"PipelineExecutionArn": request["PipelineExecutionArn"]}

    def ListPipelineExecutions(self, request: Request) -> Answer:
        pipeline = self.engine.pipeline(request["PipelineName"])
        found = created_within(pipeline.executions, request, lambda e: e.created)
        keys: dict[str, Callable[[Execution], Any]] = {
            "CreationTime": lambda e: e.created,
            "PipelineExecutionArn": lambda e: e.arn,
        }
        chosen, following = page(ordered(found, request, keys, "CreationTime"), request)
        now = self.engine.clock.time()
        return {
            "PipelineExecutionSummaries": [summarize_execution(execution, now) for execution in chosen],
            **following,
        }

    def ListPipelineExecutionSteps(self, request: Request) -> Answer:
        execution = self._execution(request)
        now = self.engine.clock.time()
        results = execution.results(now)
        steps = [
            *unselected_steps(execution),
            *(describe_step(execution, state, results) for state in execution.steps(now)),
        ]
        if request.get("SortOrder") != "Ascending":
            steps.reverse()
        chosen, following = page(steps, request)
        return {"PipelineExecutionSteps": list(chosen), **following}

    def ListPipelineParametersForExecution(self, request: Request) -> Answer:
        execution = self._execution(request)
        given = dict(execution.parameters)
        values = {
            p.name: given[p.name] if p.name in given else _text(p.default) for p in execution.version.plan.parameters
        }
        chosen, following = page([{"Name": name, "Value": value} for name, value in values.items()], request)
        return {"PipelineParameters": list(chosen), **following}

    def DescribePipelineDefinitionForExecution(self, request: Request) -> Answer:
        version = self._execution(request).version
        return {"PipelineDefinition": version.text, "CreationTime": version.created}

    # -- callbacks

    def SendPipelineExecutionStepSuccess(self, request: Request) -> Answer:
        return self._called_back("SendPipelineExecutionStepSuccess", request, succeeded=True)

    def SendPipelineExecutionStepFailure(self, request: Request) -> Answer:
        return self._called_back("SendPipelineExecutionStepFailure", request, succeeded=False)

    def _called_back(self, operation: str, request: Request, *, succeeded: bool) -> Answer:
        arn = self.engine.replayed(operation, request)
        if arn is None:
            arn = callbacks.answer(self.engine, request, succeeded=succeeded).arn
            self.engine.remember(operation, request, arn)
        return {"PipelineExecutionArn": arn}

    # -- jobs of steps

    def DescribeTrainingJob(self, request: Request) -> Answer:
        return self._job("DescribeTrainingJob", request["TrainingJobName"])

    def DescribeProcessingJob(self, request: Request) -> Answer:
        return self._job("DescribeProcessingJob", request["ProcessingJobName"])

    def DescribeTransformJob(self, request: Request) -> Answer:
        return self._job("DescribeTransformJob", request["TransformJobName"])

    def _job(self, operation: str, name: str) -> Answer:
        found = find_job(self.engine, operation, name)
        if found is not None:
            return found
        return self.things.answer(operation, {f"{operation.removeprefix('Describe')}Name": name})

    def _execution(self, request: Request) -> Execution:
        if "PipelineExecutionArn" not in request:
            raise invalid("PipelineExecutionArn must be given.")
        return self.engine.execution(request["PipelineExecutionArn"])

    # -- tags

    def AddTags(self, request: Request) -> Answer:
        tagged = self._tagged(request)
        tagged.tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        return {"Tags": _tags(tagged)}

    def ListTags(self, request: Request) -> Answer:
        if is_ours(request["ResourceArn"].rpartition("/")[2]):
            return {"Tags": []}
        chosen, following = page(_tags(self._tagged(request)), request, limit=request.get("MaxResults", 50))
        return {"Tags": list(chosen), **following}

    def DeleteTags(self, request: Request) -> Answer:
        tagged = self._tagged(request)
        for key in request["TagKeys"]:
            tagged.tags.pop(key, None)
        return {}

    def _tagged(self, request: Request) -> Pipeline | Thing:
        arn = request["ResourceArn"]
        if ":pipeline/" not in arn:
            return self.things.tagged(arn)
        for pipeline in self.engine.pipelines.values():
            if pipeline.arn == arn:
                return pipeline
        raise not_found(f"Pipeline '{arn}' does not exist.")


def _tags(tagged: Pipeline | Thing) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tagged.tags.items()]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


NAMES = frozenset(name for name in vars(Operations) if name[0].isupper())
"""The operations on pipelines, on the jobs of their steps, and on tags."""


def is_served(operation: str) -> bool:
    """Whether an operation is answered here."""
    return operation in NAMES or operation == "ListMonitoringExecutions" or operation_of(operation) is not None
