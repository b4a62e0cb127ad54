"""`AckEndpointOperator`: serve a model on an endpoint, and say what serves when that fails."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.lifecycle.follower import RolloutFollower
from airflow_ack_sagemaker.core.lifecycle.standing import Reading, Rollout, Standing
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict, verdict_of
from airflow_ack_sagemaker.links import SageMakerResourceLink
from airflow_ack_sagemaker.operators.base import AckOperator, error_of, raise_unless_succeeded
from airflow_ack_sagemaker.operators.outlets import tell_outlets
from airflow_ack_sagemaker.operators.run import run_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.lifecycle.serving import EndpointSpec
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.look import Run

_SHORT_LOOK = 10.0
"""Seconds in which a controller has sent an update: what is known of that goes with the trigger."""


class AckEndpointOperator(AckOperator):
    """Bring an endpoint to a model, in one task: model, configuration and endpoint.

    It succeeds only when the endpoint serves just this configuration. An update that SageMaker rolls back, with a
    reason or without one, fails the task; so do a first creation that fails, and an update for which there are no
    machines. The endpoint then asks for its former configuration again, and the error says what was tried, why it
    failed, and what serves. A retry rolls out under new names; after a lost worker it goes on with what was begun. What
    serves already is not rolled out again. A user who marks or clears the task leaves the rollout as it is.

    The result (XCom ``return_value``) is ``{"name", "namespace", "endpoint_name", "arn", "status", "config",
    "former_config", "model", "attempt", "changed"}``; it is also the ``extra`` of the events of the task's outlet
    assets.

    ```python
    from airflow_ack_sagemaker.core.lifecycle.deployment import canary
    from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator

    AckEndpointOperator(
        task_id="deploy",
        endpoint_name="demand",
        model_package_arn="arn:aws:sagemaker:us-east-1:123456789012:model-package/demand/12",
        execution_role_arn="arn:aws:iam::123456789012:role/serving",
        instance_type="ml.m5.large",
        deployment_config=canary(percent=10, wait=300, alarms=["demand-5xx"]),
    )
    ```

    :param endpoint_name: name of the endpoint in SageMaker.
    :param model_package_arn: the version of the model registry that is to serve, with ``execution_role_arn``; one that
        its resource calls Rejected is refused; or
    :param model: ``spec`` of a Model, without ``modelName``.
    :param execution_role_arn: role that the model's container acts as, where ``model`` does not say it.
    :param environment: environment of the container of ``model_package_arn``.
    :param instance_type: of the only variant, for example ``ml.m5.large``, with
    :param initial_instance_count: its instances; or
    :param config: ``spec`` of an EndpointConfig without its name: ``productionVariants`` of your own (serverless,
        several), ``dataCaptureConfig``, ``kmsKeyID``. A variant without ``modelName`` serves the task's model.
    :param variant_properties: ``keep`` (default): the variant keeps the instance count and weight that the endpoint has
        now, as autoscaling has left them, and its data capture. ``reset``: it gets a new name and starts with what the
        configuration says; autoscaling must be registered for it anew. SageMaker's controller has no third way.
    :param deployment_config: how traffic goes over: `canary`, `linear` or `rolling` of
        ``airflow_ack_sagemaker.core.lifecycle.deployment``, or the API's ``deploymentConfig``. None: all at once.
    :param metrics: numbers of the model by path, as the gate has read them, for later comparisons with it.
    :param keep_configs: how many configurations (with their models) of earlier rollouts stay; None: all.
    :param region: AWS region; None: the namespace's.
    :param labels: further labels of all three resources.
    :param annotations: further annotations of them.

    Raises `AckExecutionFailed` for a rollout that has failed, else as `AckResourceOperator` does. ``timeout`` counts
    from the start of the try: what runs on then is left as it is, and a retry goes on with it.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "endpoint_name",
        "model_package_arn",
        "model",
        "execution_role_arn",
        "environment",
        "instance_type",
        "config",
        "deployment_config",
        "metrics",
        "region",
        "labels",
        "annotations",
    )
    template_fields_renderers = {"model": "json", "config": "json", "deployment_config": "json"}  # noqa: RUF012
    operator_extra_links = (SageMakerResourceLink(),)
    ui_color = "#e6f4ff"

    def __init__(
        self,
        *,
        endpoint_name: str,
        model_package_arn: str | None = None,
        model: Mapping[str, Any] | None = None,
        execution_role_arn: str | None = None,
        environment: Mapping[str, str] | None = None,
        instance_type: str | None = None,
        initial_instance_count: int = 1,
        config: Mapping[str, Any] | None = None,
        variant_properties: str = "keep",
        deployment_config: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        keep_configs: int | None = 3,
        region: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.model_package_arn = model_package_arn
        self.model = model
        self.execution_role_arn = execution_role_arn
        self.environment = environment
        self.instance_type = instance_type
        self.initial_instance_count = initial_instance_count
        self.config = config
        self.variant_properties = variant_properties
        self.deployment_config = deployment_config
        self.metrics = metrics
        self.keep_configs = keep_configs
        self.region = region
        self.labels = labels
        self.annotations = annotations

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, make what is missing, wait."""
        from airflow_ack_sagemaker.core.lifecycle.attempts import Action
        from airflow_ack_sagemaker.runs.approval import check_not_rejected
        from airflow_ack_sagemaker.runs.rollout import look, remove_failed

        with self.cluster() as client:
            spec = self._spec()
            run = run_of(context, self.namespace or client.namespace)
            found = look(client, spec, run)
            plan = found.plan
            if plan.action is Action.NOTHING and found.endpoint is not None:
                self.log.info("Nothing is rolled out: %s.", plan.why)
                return self._unchanged(context, client, spec, found.endpoint, plan.former, plan.attempt)
            if plan.action is Action.ROLL_OUT and self.model_package_arn is not None:
                check_not_rejected(client, self.model_package_arn, run.namespace, log=self.log)
            if plan.recreate and found.endpoint is not None:
                remove_failed(client, found.endpoint, log=self.log)
            now = f"configuration {plan.former} serves now" if plan.former else "nothing that is known serves now"
            self.log.info("Attempt %d (%s): %s; %s.", plan.attempt, plan.action, plan.why, now)
            outcome, config = self._make(client, spec, run, plan.attempt, plan.former)
            return self._to_the_end(context, client, spec, outcome, Rollout(config, plan.former), plan.attempt)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone."""
        outcome, verdict, echo = self.resumed(event)
        said = event or {}
        rollout = Rollout.from_dict(said["rollout"])
        standing = Standing(said.get("standing", Standing.UPDATING))
        with self.cluster() as client:
            reading = Reading(standing, outcome, said.get("serves"))
            return self._finish(context, client, self._spec(), reading, verdict, rollout, echo["attempt"])

    def _spec(self) -> EndpointSpec:
        from airflow_ack_sagemaker.core.lifecycle.serving import EndpointSpec, package_model
        from airflow_ack_sagemaker.core.resource.manifest import SpecError, check_mapping

        if (self.model is None) == (self.model_package_arn is None):
            raise SpecError("Give one of model_package_arn and model: what is to serve.")
        if self.variant_properties not in ("keep", "reset"):
            raise SpecError(f"variant_properties {self.variant_properties!r} must be 'keep' or 'reset'.")
        if self.model_package_arn is not None:
            environment = check_mapping("environment", self.environment)
            model = package_model(self.model_package_arn, self.execution_role_arn or "", environment=environment)
        else:
            model = dict(check_mapping("model", self.model))
            if self.execution_role_arn and "executionRoleARN" not in model:
                model["executionRoleARN"] = self.execution_role_arn
        variant: dict[str, Any] = {}
        if self.instance_type is not None:
            variant = {"instanceType": self.instance_type, "initialInstanceCount": self.initial_instance_count}
        return EndpointSpec(
            endpoint_name=self.endpoint_name,
            model=model,
            variant=variant,
            config=check_mapping("config", self.config),
            deployment_config=self.deployment_config,
            keep_variant_properties=self.variant_properties == "keep",
            metrics=check_mapping("metrics", self.metrics),
            labels=check_mapping("labels", self.labels),
            annotations=check_mapping("annotations", self.annotations),
            region=self.region,
        )

    def _make(
        self, client: KubeClient, spec: EndpointSpec, run: Run, attempt: int, former: str | None
    ) -> tuple[Outcome, str]:
        """Model and configuration, each until it is there, then the endpoint: how that stands, and the configuration's
        name. What an earlier try has made of this attempt is left as it is.
        """
        from airflow_ack_sagemaker.runs.apply import apply_resource

        for manifest in (
            spec.model_manifest(run.namespace, run.identity, attempt),
            spec.config_manifest(run.namespace, run.identity, attempt, tried=run.tried, former=former),
        ):
            kind = kind_of(manifest["kind"])
            outcome = apply_resource(client, kind, manifest, log=self.log).outcome
            if not outcome.finished:
                outcome, verdict = self.follow(
                    client,
                    kind,
                    outcome.name,
                    namespace=outcome.namespace,
                    uid=outcome.uid,
                    deadlines=self.deadlines(),
                )
            else:
                verdict = Verdict.REACHED
            raise_unless_succeeded(outcome, verdict, details="The endpoint was not touched.")
        name = spec.attempt_name(run.identity, attempt)
        applied = apply_resource(client, kind_of("Endpoint"), spec.endpoint_manifest(run.namespace, name), log=self.log)
        return applied.outcome, name

    def _to_the_end(
        self,
        context: Context,
        client: KubeClient,
        spec: EndpointSpec,
        outcome: Outcome,
        rollout: Rollout,
        attempt: int,
    ) -> dict[str, Any]:
        follower = RolloutFollower(rollout, lambda line: self.log.info("%s", line))
        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        deadlines = self.deadlines()
        brief = self.deferrable and goal is Goal.FINISHED
        # Shortly, in any case: when the update was sent the first time is what a silent rollback is told by.
        last, verdict = self.follow(
            client,
            kind_of("Endpoint"),
            outcome.name,
            namespace=outcome.namespace,
            uid=outcome.uid,
            deadlines=deadlines,
            goal=Goal.STARTED if brief else goal,
            until=time.time() + _SHORT_LOOK if brief else None,
            judge=follower,
        )
        if brief:
            now = verdict_of(last, deadlines, time.time())
            if now is None:
                self.defer_until(
                    client,
                    last,
                    deadlines=deadlines,
                    ours=True,
                    echo={"attempt": attempt},
                    rollout=follower.rollout.to_dict(),
                )
            verdict = now
        reading = follower.reading or Reading(Standing.UPDATING, last)
        return self._finish(context, client, spec, reading, verdict, follower.rollout, attempt)

    def _finish(
        self,
        context: Context,
        client: KubeClient,
        spec: EndpointSpec,
        reading: Reading,
        verdict: Verdict,
        rollout: Rollout,
        attempt: int,
    ) -> dict[str, Any]:
        from airflow_ack_sagemaker.runs.rollout import clear_up, model_served_by, write_down_end, write_down_serving

        outcome = reading.outcome
        self.push_link(context, outcome.arn)
        started = verdict is Verdict.REACHED and not self.wait_for_completion and not outcome.finished
        if not reading.succeeded and not started:
            self._fail(context, client, spec, reading, verdict, rollout)
        model = model_served_by(client, rollout.config, outcome.namespace)
        if reading.succeeded:
            number = context["ti"].try_number
            write_down_end(client, rollout.config, outcome, outcome.namespace, number=number, log=self.log)
            write_down_serving(client, outcome.name, rollout.config, outcome.namespace, log=self.log)
            self.log.info("%s serves configuration %s (model %s).", outcome.resource, rollout.config, model)
            if self.keep_configs is not None:
                spare = {name.lower() for name in (rollout.config, rollout.former) if name}
                clear_up(client, spec, outcome.namespace, spare=spare, keep=self.keep_configs, log=self.log)
        return self._result(context, spec, outcome, rollout.config, rollout.former, model, attempt, changed=True)

    def _fail(
        self,
        context: Context,
        client: KubeClient,
        spec: EndpointSpec,
        reading: Reading,
        verdict: Verdict,
        rollout: Rollout,
    ) -> None:
        """Write it down, go back, and say all that is known.

        :raises AckError: in any case.
        """
        from airflow_ack_sagemaker.core.lifecycle.told import serving_now, told
        from airflow_ack_sagemaker.core.run.endings import ending
        from airflow_ack_sagemaker.kube.errors import KubeError
        from airflow_ack_sagemaker.runs.end import withdraw
        from airflow_ack_sagemaker.runs.rollout import (
            Back,
            go_back,
            leaves_endpoint_as_it_is,
            model_served_by,
            write_down_end,
        )

        outcome, namespace = reading.outcome, reading.outcome.namespace
        over = verdict is Verdict.REACHED
        back = Back(reading.serves, confirmed=over)
        if not leaves_endpoint_as_it_is(reading.standing if over else None, verdict):
            target = replace(rollout, former=reading.serves or rollout.former)
            number = context["ti"].try_number
            # First, so that a try that comes after a crash in between does not send the failed configuration again.
            write_down_end(client, rollout.config, outcome, namespace, number=number, log=self.log)
            try:
                if target.former is None and not over:
                    withdraw(client, outcome, log=self.log)
                back = go_back(client, outcome.name, namespace, target, log=self.log)
            except KubeError as error:
                self.log.error("The endpoint still asks for %s, since this failed: %s", rollout.config, error)
                back = Back(target.former, confirmed=False)
        elif over and reading.standing is not Standing.GONE:
            number = context["ti"].try_number
            write_down_end(client, rollout.config, outcome, namespace, number=number, log=self.log)
        model = model_served_by(client, rollout.config, namespace)
        now = serving_now(back.config, model=model_served_by(client, back.config, namespace), confirmed=back.confirmed)
        if not over:
            tried = f"What was tried: configuration {rollout.config} (model {model}), instead of {rollout.former}."
            raise error_of(outcome, verdict)("\n".join((ending(outcome, verdict), tried, now)))
        if reading.standing is Standing.ROLLED_BACK_SILENTLY and back.reason:
            said = f"{outcome.reason}. SageMaker says of it afterwards: {back.reason}"
            reading = replace(reading, outcome=replace(outcome, reason=said))
        raise error_of(outcome, verdict)(told(reading, rollout, model=model, now=now))

    def _unchanged(
        self,
        context: Context,
        client: KubeClient,
        spec: EndpointSpec,
        endpoint: Mapping[str, Any],
        config: str | None,
        attempt: int,
    ) -> dict[str, Any]:
        from airflow_ack_sagemaker.core.resource.freshness import observe
        from airflow_ack_sagemaker.runs.rollout import model_served_by

        outcome = observe(endpoint)
        self.push_link(context, outcome.arn)
        model = model_served_by(client, config, outcome.namespace)
        return self._result(context, spec, outcome, config, config, model, attempt, changed=False)

    def _result(
        self,
        context: Context,
        spec: EndpointSpec,
        outcome: Outcome,
        config: str | None,
        former: str | None,
        model: str | None,
        attempt: int,
        *,
        changed: bool,
    ) -> dict[str, Any]:
        result = {
            "name": outcome.name,
            "namespace": outcome.namespace,
            "endpoint_name": spec.endpoint_name,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            "config": config,
            "former_config": former,
            "model": model,
            "attempt": attempt,
            "changed": changed,
        }
        tell_outlets(self, context, result)
        return result
