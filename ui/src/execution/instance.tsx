import { useExecutions } from "../api/queries";
import { Executions } from "../executions/page";
import { useSearch } from "../host/search";
import { Empty, Failure, Spinner } from "../parts/messages";
import { readAddress, withoutExecution } from "./address";
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
  if (error) return <Failure error={error} />;
  return data.loading ? (
    <Spinner label="Reading the cluster" />
  ) : (
    <Empty title="No execution of this task instance">
      It has not launched one yet, or it has been collected after its end. The task's log tells which.
    </Empty>
  );
};
