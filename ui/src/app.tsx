import { QueryClientProvider } from "@tanstack/react-query";

import { client } from "./api/queries";
import { readAddress, withoutExecution } from "./execution/address";
import { BackLink } from "./execution/back";
import { TaskInstance } from "./execution/instance";
import { Execution } from "./execution/page";
import { Executions } from "./executions/page";
import type { Place } from "./executions/query";
import { HealthStrip } from "./health/strip";
import { SearchLink } from "./host/links";
import { changed, useSearch, useSettled } from "./host/search";
import { Boundary } from "./parts/messages";
import { Pipelines } from "./pipelines/page";

/** What Airflow tells: in the navigation nothing, on the tabs of a DAG, run, task or task instance what it is. */
export type Props = { dagId?: string; runId?: string; taskId?: string; mapIndex?: string };

export const App = (props: Props) => {
  useSettled();
  return (
    <QueryClientProvider client={client}>
      {/* English, whatever language Airflow is set to. */}
      <div className="asm" lang="en" dir="ltr">
        <div className="asm-page">
          <Boundary>
            <Page {...props} />
          </Boundary>
        </div>
      </div>
    </QueryClientProvider>
  );
};

const Page = ({ dagId, runId, taskId, mapIndex }: Props) => {
  const [search] = useSearch();
  const address = readAddress(search);
  if (dagId && runId && taskId)
    return (
      <>
        <HealthStrip />
        <TaskInstance dagId={dagId} runId={runId} taskId={taskId} mapIndex={mapIndex ?? "-1"} />
      </>
    );
  if (address)
    return (
      <>
        <div className="asm-row asm-top">
          <BackLink to={withoutExecution(search)}>
            {search.get("view") === "pipelines" ? "Pipelines" : "Executions"}
          </BackLink>
          <span className="asm-spring" />
          <HealthStrip only={address.cluster} />
        </div>
        <Execution address={address} />
      </>
    );
  return <Overview place={{ dagId, runId, taskId }} />;
};

/** All executions and pipelines, or those of the DAG, run or task that the tab stands on. */
const Overview = ({ place }: { place: Place }) => {
  const [search] = useSearch();
  // A run or a task has executions; the pipeline behind them is the DAG's.
  const tabs = !place.runId && !place.taskId;
  const pipelines = tabs && search.get("view") === "pipelines";
  return (
    <>
      {!place.dagId && <h2 className="asm-title">SageMaker pipelines</h2>}
      {tabs && (
        <nav className="asm-tabs" aria-label="SageMaker">
          <SearchLink to={changed(search, { view: null })} aria-current={pipelines ? undefined : "page"}>
            Executions
          </SearchLink>
          <SearchLink to={changed(search, { view: "pipelines" })} aria-current={pipelines ? "page" : undefined}>
            Pipelines
          </SearchLink>
        </nav>
      )}
      <HealthStrip />
      {pipelines ? <Pipelines dagId={place.dagId} /> : <Executions place={place} />}
    </>
  );
};
