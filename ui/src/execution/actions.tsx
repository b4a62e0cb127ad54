import { useRerun, useStop } from "../api/queries";
import type { ExecutionRow } from "../api/types";
import { Action, messageOf } from "../parts/action";
import { plural } from "../parts/format";
import { hasEnded } from "../parts/states";
import { Name } from "../parts/text";

/** What a user who may edit the DAG can do. What is gone from the cluster was stopped, or had ended before. */
export const Actions = ({ execution, gone }: { execution: ExecutionRow; gone: boolean }) => (
  <div className="asm-row">
    {gone || hasEnded(execution.state) ? <Rerun execution={execution} /> : <Stop execution={execution} />}
  </div>
);

const Stop = ({ execution }: { execution: ExecutionRow }) => {
  const stop = useStop(execution);
  const stopping = execution.state === "Deleting" || execution.status === "Stopping";
  return (
    <Action
      id={`stop:${execution.uid}`}
      icon="square"
      label={stopping ? "Stopping" : "Stop"}
      title="Stop this execution?"
      confirm="Stop execution"
      dangerous
      disabled={stopping}
      mutation={stop}
      say={(answer) => messageOf(answer) ?? "SageMaker is asked to stop it."}
      uid={execution.uid}
    >
      {execution.started === null ? (
        <p>
          It has not started in SageMaker. The resource <Name>{execution.name}</Name> is deleted from the cluster, so that
          it never does.
        </p>
      ) : (
        <p>
          SageMaker stops <Name>{execution.pipeline}</Name> and the steps that run now. The resource{" "}
          <Name>{execution.name}</Name> is deleted from the cluster, since that is how its controller stops an execution.
        </p>
      )}
      <p>
        The task <Name>{execution.task_id}</Name> then fails, and does not try again by itself. SageMaker keeps what the
        execution has done so far.
      </p>
    </Action>
  );
};

const Rerun = ({ execution }: { execution: ExecutionRow }) => {
  const rerun = useRerun(execution);
  return (
    <Action
      id={`rerun:${execution.uid}`}
      icon="again"
      label="Re-run"
      title="Run this once more?"
      confirm="Clear the task and re-run"
      mutation={rerun}
      say={sayCleared}
      uid={execution.uid}
    >
      <p>
        Airflow clears the task <Name>{execution.task_id}</Name> of the run <Name>{execution.run_id}</Name>, and all tasks
        after it. The task then launches {execution.index === null ? "a new execution" : "its executions once more"} of{" "}
        <Name>{execution.pipeline}</Name> with the same parameters.
      </p>
      <p>This execution stays as it is.</p>
    </Action>
  );
};

const sayCleared = (answer: unknown): string => {
  const cleared = (answer as { total_entries?: unknown } | null)?.total_entries;
  return typeof cleared === "number"
    ? `Airflow has cleared ${plural(cleared, "task instance")}. The next attempt shows here once its task runs.`
    : "Airflow has cleared the task. The next attempt shows here once it runs.";
};
