import { useExecutions } from "../api/queries";
import { useSearch } from "../host/search";
import { Alert, Empty, Failure, Spinner } from "../parts/messages";
import { Filters } from "./filters";
import { Paging } from "./paging";
import { askFor, nextSort, readShown, type Place } from "./query";
import { ExecutionTable } from "./table";

/** All executions, or those of a DAG, of a run, of a task. */
export const Executions = ({ place }: { place: Place }) => {
  const [search, change] = useSearch();
  const shown = readShown(search);
  const { data, error, isPlaceholderData } = useExecutions(askFor(shown, place));
  const filtered = shown.states.length > 0 || shown.pipeline || shown.text || (shown.dag && !place.dagId);

  return (
    <section className="asm-stack" aria-label="Executions" aria-busy={isPlaceholderData}>
      <Filters shown={shown} place={place} list={data} change={change} />
      {error && <Failure error={error} />}
      {data?.errors.map((each) => (
        <Alert key={each} title="The cluster is not available">
          {each}
        </Alert>
      ))}
      {!data && !error && <Spinner />}
      {data && data.items.length > 0 && (
        <div className="asm-scroll" data-stale={isPlaceholderData} role="region" aria-label="Table of executions" tabIndex={0}>
          <ExecutionTable
            rows={data.items}
            place={place}
            shown={shown}
            onSort={(column) => change({ sort: nextSort(shown, column), page: null })}
            caption="Executions"
          />
        </div>
      )}
      {data && data.items.length === 0 && (data.loading ? <Spinner label="Reading the cluster" /> : <Nothing filtered={!!filtered} />)}
      {data && (data.total > 0 || shown.page > 1) && <Paging shown={shown} total={data.total} what="execution" change={change} />}
    </section>
  );
};

const Nothing = ({ filtered }: { filtered: boolean }) =>
  filtered ? (
    <Empty title="No executions found">Nothing matches the filters above.</Empty>
  ) : (
    <Empty title="No executions found">
      They show here as soon as a task with AckPipelineExecutionOperator launches one. Finished ones go from the cluster
      with time; SageMaker keeps them.
    </Empty>
  );
