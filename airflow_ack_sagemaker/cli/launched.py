"""The executions that a command launches: created one after another, each followed to its end, shown together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_ack_sagemaker.cli.app import DryRun, Exit, Interrupted, complain
from airflow_ack_sagemaker.cli.connection import Cluster
from airflow_ack_sagemaker.cli.following import Say, Steps, deadlines_of, exit_of, follow, selected_steps, tell_ending
from airflow_ack_sagemaker.cli.output import Output, dump_manifests
from airflow_ack_sagemaker.cli.rows import row_now, row_of, show
from airflow_ack_sagemaker.cli.sagemakers_word import sagemakers_word
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.pipeline import KnownPipeline


@dataclass
class Launches:
    """A context manager, which shows them at its end.

    :param timeout: seconds that each is followed; None: to its end.
    """

    client: KubeClient
    cluster: Cluster
    no_wait: bool
    timeout: float | None
    aws_conn_id: str | None
    dry_run: DryRun
    output: Output
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _manifests: list[Mapping[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._manifests:
            dump_manifests(self._manifests, self.output)
        if self._rows:
            show(self._rows, PIPELINE_EXECUTION, self.output)

    def pipeline(self, spec: ExecutionSpec, resource_name: str | None = None) -> KnownPipeline:
        """The pipeline that is to run.

        :param resource_name: of its resource; None: the pipeline's name in lower case.
        :raises NotSynced: SageMaker does not have it as it stands.
        :raises KubeError: the cluster cannot be asked.
        """
        from airflow_ack_sagemaker.runs.pipeline import look_up

        observed = sagemakers_word(self.aws_conn_id).observe
        return look_up(self.client, spec.pipeline_name, self.client.namespace, resource_name, Say(), observed=observed)

    def launch(self, manifest: Mapping[str, Any], known: KnownPipeline) -> Exit:
        """One more; gives how it ended.

        :raises Interrupted: Ctrl-C while it was followed; it goes on.
        :raises KubeError: the cluster refuses it or cannot be asked.
        """
        from airflow_ack_sagemaker.cli.launching import create
        from airflow_ack_sagemaker.kube.errors import Unreachable

        name = fields.name(manifest)
        unknown = (
            "Whether it was launched is not known. Look for it: "
            f"ack-sagemaker get pipelineexecution/{name}{self.cluster.arguments}"
        )
        if self.dry_run is not DryRun.NONE:
            self._manifests.append(manifest if self.dry_run is DryRun.CLIENT else create(self.client, manifest))
            return Exit.DONE
        try:
            resource = create(self.client, manifest)
        except KeyboardInterrupt:
            raise Interrupted(f"\n{unknown}") from None
        except Unreachable as error:
            if error.sent:
                error.add_note(unknown)
            raise
        complain(f"Created pipelineexecution/{name} in namespace {self.client.namespace}.")
        if self.no_wait:
            self._rows.append(row_of(resource))
            return Exit.DONE
        steps = Steps(
            definition=known.definition.text if known.definition else "",
            aws_conn_id=self.aws_conn_id,
            selected=selected_steps(manifest),
        )
        outcome, verdict = follow(
            self.client,
            self.cluster,
            PIPELINE_EXECUTION,
            name,
            uid=fields.uid(resource),
            deadlines=deadlines_of(self.timeout),
            steps=steps,
        )
        tell_ending(outcome, verdict)
        self._rows.append(row_now(self.client, PIPELINE_EXECUTION, name, resource, outcome))
        return exit_of(outcome, verdict)
