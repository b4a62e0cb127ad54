import { useEffect } from "react";

import { useExecutions } from "../api/queries";
import { Executions } from "../executions/page";
import { useSearch } from "../host/search";
import { useKept } from "../parts/kept";
import { Empty, Failure, Spinner } from "../parts/messages";
import { readAddress, withExecution, withoutExecution } from "./address";
import { BackLink } from "./back";
import { Execution } from "./page";

type Props = { dagId: string; runId: string; taskId: string; mapIndex: string };

/** The tab of a task instance: its newest attempt, or all executions of the batch that it launched. */
export const TaskInstance = ({ dagId, runId, taskId, mapIndex }: Props) => {
  const [search] = useSearch();
  const address = readAddress(search);
  const query = new URLSearchParams({ dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex });
  query.set("sort", "-created");
  query.set("limit", "1");
  const { data, error } = useExecutions(query);
  const newest = data?.items[0];
  const batch = newest !== undefined && newest.index !== null;
  // Stopping deletes the resource: what was on the screen a moment ago stays there, and says so.
  const [last, remember] = useKept<string>(`newest:${query.toString()}`, "");
  const seen = newest && !batch ? withExecution(new URLSearchParams(), newest).toString() : "";
  useEffect(() => {
    if (seen) remember(seen);
  }, [seen, remember]);
  const gone = readAddress(new URLSearchParams(last));

  if (address)
    return (
      <>
        {batch && <BackLink to={withoutExecution(search)}>All executions of this task</BackLink>}
        <Execution address={address} onItsTab />
      </>
    );
  if (!data) return error ? <Failure error={error} /> : <Spinner />;
  if (batch) return <Executions place={{ dagId, runId, taskId, mapIndex }} />;
  if (newest) return <Execution address={newest} onItsTab />;
  if (gone) return <Execution address={gone} onItsTab />;
  if (error) return <Failure error={error} />;
  return data.loading ? (
    <Spinner label="Reading the cluster" />
  ) : (
    <Empty title="No execution of this task instance">
      It has not launched one yet, or its execution was stopped or collected since. The task's log tells which.
    </Empty>
  );
};
