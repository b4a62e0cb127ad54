"""Pipelines that have every type of step and condition, made with the SageMaker Python SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sdk.kit import (
    CLUSTER,
    MAJOR,
    ROLE,
    SESSION,
    FailStep,
    JobStepArguments,
    Join,
    JsonGet,
    Properties,
    PropertyFile,
    Recorded,
    Variables,
    branch,
    callback,
    condition,
    function,
    model,
    parameter,
    processing,
    sdk,
    training,
    transform,
    tuning,
)

MADE: dict[str, Callable[[], tuple[list[Any], list[Any]]]] = {}


def pipeline(make: Callable[[], tuple[list[Any], list[Any]]]) -> Callable[[], tuple[list[Any], list[Any]]]:
    """A pipeline of this name: gives its parameters and steps."""
    MADE[make.__name__.replace("_", "-")] = make
    return make


@pipeline
def chain() -> tuple[list[Any], list[Any]]:
    count = parameter("Integer", "Count", 2)
    cluster = {**CLUSTER, "InstanceCount": count}
    prepare = processing("Prepare")
    fit = training("Fit", cluster=cluster, hyperparameters={"n": count}, depends_on=[prepare])
    return [count], [prepare, fit, processing("Evaluate", arguments=[fit.properties.ModelArtifacts.S3ModelArtifacts])]


@pipeline
def gate() -> tuple[list[Any], list[Any]]:
    limit = parameter("Float", "Limit", 6.0)
    file = PropertyFile(name="Report", output_name="report", path="evaluation.json")
    evaluate = processing("Evaluate", file)
    value = JsonGet(step_name="Evaluate", property_file=file, json_path="metrics.mse")
    fail = FailStep(name="TooBad", error_message=Join(on=" ", values=["mse above", limit, Variables.PIPELINE_NAME]))
    return [limit], [
        evaluate,
        branch("Check", [condition("LessThanOrEqualTo", value, limit)], [training("Fit")], [fail]),
    ]


@pipeline
def compared() -> tuple[list[Any], list[Any]]:
    text, number = parameter("String", "Text", "10"), parameter("Integer", "Number", 9)
    flag = parameter("Boolean", "Flag", False)
    joined = Join(on="", values=[number])
    conditions = [
        condition("Equals", flag, True),
        condition("GreaterThan", text, joined),
        condition("GreaterThanOrEqualTo", number, 9),
        condition("LessThan", number, 9.5),
        condition("LessThanOrEqualTo", number, joined),
        condition("In", text, ["9", "10"]),
        condition("Not", condition("Equals", text, "x")),
        condition("Or", [condition("Equals", text, "x"), condition("Equals", Variables.PIPELINE_NAME, "compared")]),
    ]
    return [text, number, flag], [
        branch("All", conditions, [function("Yes")], [FailStep(name="No", error_message="no")])
    ]


@pipeline
def outcome_told() -> tuple[list[Any], list[Any]]:
    number = parameter("Integer", "Number", 3)
    check = branch("Small", [condition("Equals", number, 1)], [], [])
    message = Join(on=" ", values=["small is", check.properties.Outcome, "for", number])
    return [number], [check, FailStep(name="Tell", error_message=message)]


@pipeline
def nested() -> tuple[list[Any], list[Any]]:
    env = parameter("String", "Env", "dev", enum_values=["dev", "prod"])
    inner = branch("Inner", [condition("Equals", env, "dev")], [training("Deep")], [training("Shallow")])
    outer = branch("Outer", [condition("In", env, ["dev", "prod"])], [inner], [processing("Never")])
    return [env], [outer, function("After", {"env": env}, depends_on=[outer])]


@pipeline
def functions() -> tuple[list[Any], list[Any]]:
    ask = function("Ask", {"at": Variables.START_DATETIME}, ("uri", "count"))
    wait = callback("Wait", ("answer",), depends_on=[ask])
    again = function(
        "Again", {"uri": ask.properties.Outputs["uri"], "answer": wait.properties.Outputs["answer"]}, ("done",)
    )
    return [], [ask, wait, again]


@pipeline
def batch() -> tuple[list[Any], list[Any]]:
    fit = training("Fit")
    made = model("Model", fit.properties.ModelArtifacts.S3ModelArtifacts)
    predict = transform("Predict", made.properties.ModelName)
    return [], [fit, made, predict]


@pipeline
def registered() -> tuple[list[Any], list[Any]]:
    fit = tuning("Tune")
    data = fit.get_top_model_s3_uri(top_k=0, s3_bucket="bucket")
    return [], [fit, model("Register", data, register=True)]


@pipeline
def emr() -> tuple[list[Any], list[Any]]:
    config = sdk("emr_step", "EMRStepConfig")(jar="s3://b/j.jar", args=["a"])
    step = sdk("emr_step", "EMRStep")
    first = step("OnCluster", "On a cluster", "d", "j-1ABCDEFGHIJKL", config)
    cluster = {"Applications": [{"Name": "Spark"}], "Instances": {"InstanceGroups": []}, "ReleaseLabel": "emr-7.0.0"}
    return [], [first, step("OwnCluster", "Own", "d", None, config, depends_on=[first], cluster_config=cluster)]


def auto_ml() -> tuple[list[Any], list[Any]]:
    request = {
        "AutoMLJobConfig": {"Mode": "ENSEMBLING"},
        "OutputDataConfig": {"S3OutputPath": "s3://b"},
        "RoleArn": ROLE,
    }
    recorded = Recorded("auto_ml", request)
    return [], [sdk("automl_step", "AutoMLStep")(name="Auto", step_args=recorded.arguments())]


def job_config() -> Any:
    return sdk("check_job_config", "CheckJobConfig")(role=ROLE, sagemaker_session=SESSION)


@pipeline
def quality() -> tuple[list[Any], list[Any]]:
    module = "quality_check_step"
    config = sdk(module, "DataQualityCheckConfig")(
        baseline_dataset="s3://b/data.csv", dataset_format={"csv": {"header": True}}, output_s3_uri="s3://b/out"
    )
    check = sdk(module, "QualityCheckStep")(
        name="Quality",
        quality_check_config=config,
        check_job_config=job_config(),
        skip_check=True,
        register_new_baseline=True,
        model_package_group_name="models",
    )
    after = function("After", {"baseline": check.properties.CalculatedBaselineConstraints})
    return [], [check, after]


@pipeline
def bias() -> tuple[list[Any], list[Any]]:
    module = "clarify_check_step"
    data = sdk(module, "DataConfig")(
        s3_data_input_path="s3://b/data.csv",
        s3_output_path="s3://b/out",
        s3_analysis_config_output_path="s3://sdk-bucket/analysis",
        label="y",
        dataset_type="text/csv",
    )
    sensitive = sdk(module, "BiasConfig")(label_values_or_threshold=[1], facet_name="age")
    config = sdk(module, "DataBiasCheckConfig")(data_config=data, data_bias_config=sensitive)
    check = sdk(module, "ClarifyCheckStep")(
        name="Bias", clarify_check_config=config, check_job_config=job_config(), skip_check=True
    )
    return [], [check, function("After", {"baseline": check.properties.CalculatedBaselineConstraints})]


@pipeline
def endpoints() -> tuple[list[Any], list[Any]]:
    module = "endpoint_step"
    variant = {"VariantName": "all", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    request = {"EndpointConfigName": "config", "ProductionVariants": [variant]}
    config = sdk(module, "EndpointConfigStep")(
        name="Config", step_args=JobStepArguments("create_endpoint_config", request)
    )
    target = {"EndpointName": "endpoint", "EndpointConfigName": config.properties.EndpointConfigName}
    endpoint = sdk(module, "EndpointStep")(name="Endpoint", step_args=JobStepArguments("create_endpoint", target))
    part = {"InferenceComponentName": "part", "EndpointName": endpoint.properties.EndpointName}
    component = sdk("inference_component_step", "InferenceComponentStep")(
        name="Component", step_args=JobStepArguments("create_inference_component", part)
    )
    return [], [config, endpoint, component]


@pipeline
def lineage() -> tuple[list[Any], list[Any]]:
    fit = training("Fit")
    source = {"SourceUri": fit.properties.ModelArtifacts.S3ModelArtifacts}
    step = sdk("lineage_step", "LineageStep")(
        name="Lineage",
        actions=[
            JobStepArguments("create_action", {"ActionName": "train", "ActionType": "Training", "Source": source})
        ],
        contexts=[JobStepArguments("create_context", {"ContextName": "c", "ContextType": "C", "Source": source})],
    )
    return [], [fit, step]


@pipeline
def cached_and_retried() -> tuple[list[Any], list[Any]]:
    cache = sdk("steps", "CacheConfig")(enable_caching=True, expire_after="P30d")
    retry = sdk("retry", "StepRetryPolicy")(
        exception_types=[sdk("retry", "StepExceptionTypeEnum").THROTTLING], max_attempts=3
    )
    fit = training(
        "Fit", cache_config=cache, retry_policies=[retry], display_name="Fit it", description="<b>&</b> ${X}"
    )
    return [], [fit, processing("Check", cache_config=cache, depends_on=["Fit"])]


@pipeline
def wide() -> tuple[list[Any], list[Any]]:
    steps = [training(f"Fit{index}") for index in range(12)]
    return [], [*steps, function("Join", depends_on=steps)]


@pipeline
def defaults() -> tuple[list[Any], list[Any]]:
    empty, flag = parameter("String", "Empty", ""), parameter("Boolean", "Flag", True)
    return [empty, flag], [function("Say", {"empty": empty, "flag": flag.to_string()})]


@pipeline
def from_s3() -> tuple[list[Any], list[Any]]:
    value = JsonGet(
        s3_uri=Join(on="/", values=["s3://b", Variables.PIPELINE_EXECUTION_ID]), json_path="a[0].b", step=None
    )
    prepare = processing("Prepare")
    return [], [prepare, branch("Check", [condition("Equals", value, 1)], [], [], depends_on=[prepare])]


if MAJOR == 2:
    # The SDK's third version has the step, and not the method of a session that it asks for.
    pipeline(auto_ml)

if MAJOR == 3:

    def on(step: Any, trigger: str) -> Any:
        return sdk("step_dependency", "StepDependency")(step, sdk("step_dependency", "TriggerCondition")[trigger])

    @pipeline
    def handled() -> tuple[list[Any], list[Any]]:
        fit = training("Fit")
        return [], [
            fit,
            function("Tell", depends_on=[on(fit, "FAILED")]),
            function("Count", depends_on=[on(fit, "ANY")]),
            function("Next", depends_on=[on(fit, "COMPLETED")]),
            function("Halt", depends_on=[on(fit, "STOPPED")]),
        ]

    @pipeline
    def each() -> tuple[list[Any], list[Any]]:
        module = "for_each_step"
        item = sdk(module, "CurrentItem")()
        items = parameter("String", "Items", '[{"name": "a"}, {"name": "b"}, {"name": "c"}]')
        prepare = function("Prepare", gives=("uri",))
        fit = training("Fit", hyperparameters={"name": item.name, "uri": prepare.properties.Outputs["uri"]})
        score = function("Score", {"model": fit.properties.ModelArtifacts.S3ModelArtifacts}, ("auc",))
        field = sdk(module, "IterationOutput")(score).OutputParameters["auc"]
        loop = sdk(module, "ForEachStep")(
            name="Each",
            iterable_items=items,
            max_concurrency=2,
            for_each_body=[fit, score],
            selector=sdk(module, "ForEachSelector")("MaxBy", field),
        )
        best = {
            "best": loop.properties.Selected.OutputParameters["auc"],
            "first": loop.properties.IterationOutputs[0].Score.OutputParameters["auc"],
            "failed": loop.properties.FailedStepCount,
        }
        source = sdk("cleanup_step", "S3CleanupSource")(prepare)
        clean = sdk("cleanup_step", "CleanupStep")(name="Clean", s3_sources=[source], depends_on=[loop])
        return [items], [prepare, loop, function("Best", best), clean]

    @pipeline
    def serverless_and_job() -> tuple[list[Any], list[Any]]:
        module = "emr_serverless_step"
        config = sdk(module, "EMRServerlessJobConfig")(
            job_driver={"sparkSubmit": {"entryPoint": "s3://b/e.py"}}, execution_role_arn=ROLE
        )
        spark = sdk(module, "EMRServerlessStep")("Spark", "Spark", "d", config, application_id="00abcdef01234567")
        request = {"JobConfigDocument": '{"OutputModelPackageArn": "arn"}', "RoleArn": ROLE}
        recorded = Recorded("create_job", request)
        job = sdk("steps", "JobStep")(name="Job", step_args=recorded.arguments(), depends_on=[spark])
        after = function("After", {"a": Properties("Job", path="JobConfigDocument.OutputModelPackageArn", step=job)})
        return [], [spark, job, after]
