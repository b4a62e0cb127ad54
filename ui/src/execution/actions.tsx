import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useRerun, useStop } from "../api/queries";
import type { ExecutionRow } from "../api/types";
import { Confirmation } from "../parts/dialog";
import { plural } from "../parts/format";
import { Icon, type IconName } from "../parts/icons";
import { useKept } from "../parts/kept";
import { Failure } from "../parts/messages";
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
      execution={execution}
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
      execution={execution}
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

const messageOf = (answer: unknown): string | null => {
  const message = (answer as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : null;
};

const sayCleared = (answer: unknown): string => {
  const cleared = (answer as { total_entries?: unknown } | null)?.total_entries;
  return typeof cleared === "number"
    ? `Airflow has cleared ${plural(cleared, "task instance")}. The next attempt shows here once its task runs.`
    : "Airflow has cleared the task. The next attempt shows here once it runs.";
};

type ActionProps = {
  id: string;
  icon: IconName;
  label: string;
  title: string;
  confirm: string;
  dangerous?: boolean;
  disabled?: boolean;
  mutation: UseMutationResult<unknown, Error, void>;
  say: (answer: unknown) => string;
  execution: ExecutionRow;
  children: ReactNode;
};

const Action = ({ id, icon, label, title, confirm, dangerous, disabled, mutation, say, execution, children }: ActionProps) => {
  const [asking, ask] = useKept<boolean>(`ask:${id}`, false);
  const [, tell] = useKept<string | null>(`done:${execution.uid}`, null);
  const close = () => {
    ask(false);
    mutation.reset();
  };
  const act = () =>
    mutation.mutate(undefined, {
      onSuccess: (answer) => {
        tell(say(answer));
        ask(false);
      },
    });
  return (
    <>
      <button
        type="button"
        className={dangerous ? "asm-button asm-danger" : "asm-button asm-primary"}
        disabled={disabled}
        aria-haspopup="dialog"
        onClick={() => {
          tell(null);
          ask(true);
        }}
      >
        <Icon name={icon} />
        {label}
      </button>
      {asking && (
        <Confirmation
          title={title}
          confirm={confirm}
          dangerous={dangerous}
          busy={mutation.isPending}
          onConfirm={act}
          onClose={close}
        >
          {children}
          {mutation.error && <Failure error={mutation.error} />}
        </Confirmation>
      )}
    </>
  );
};
