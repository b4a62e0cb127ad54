import { QueryClientProvider } from "@tanstack/react-query";

import { client } from "./api/queries";
import { Endpoints } from "./endpoints/page";
import { readAddress, withoutExecution } from "./execution/address";
import { BackLink } from "./execution/back";
import { TaskInstance } from "./execution/instance";
import { Execution } from "./execution/page";
import { Executions } from "./executions/page";
import type { Place } from "./executions/query";
import { HealthStrip } from "./health/strip";
import { SearchLink } from "./host/links";
import { useSearch, useSettled } from "./host/search";
import { Models } from "./models/page";
import { Boundary } from "./parts/messages";
import { Pipelines } from "./pipelines/page";
import { toView, viewOf, VIEWS, type View } from "./views";

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
          <BackLink to={withoutExecution(search)}>{VIEWS[viewOf(search)]}</BackLink>
          <span className="asm-spring" />
          <HealthStrip only={address.cluster} />
        </div>
        <Execution address={address} />
      </>
    );
  return <Overview place={{ dagId, runId, taskId }} />;
};

/** All executions, pipelines, models and endpoints, or those of the DAG, run or task that the tab stands on. */
const Overview = ({ place }: { place: Place }) => {
  const [search] = useSearch();
  // A run or a task has executions; the pipeline behind them is the DAG's.
  const tabs = !place.runId && !place.taskId;
  const view = tabs ? viewOf(search) : "executions";
  return (
    <>
      {!place.dagId && <h2 className="asm-title">SageMaker pipelines</h2>}
      {tabs && (
        <nav className="asm-tabs" aria-label="SageMaker">
          {(Object.keys(VIEWS) as View[]).map((each) => (
            <SearchLink key={each} to={toView(search, each)} aria-current={view === each ? "page" : undefined}>
              {VIEWS[each]}
            </SearchLink>
          ))}
        </nav>
      )}
      <HealthStrip />
      {view === "executions" && <Executions place={place} />}
      {view === "pipelines" && <Pipelines dagId={place.dagId} />}
      {view === "models" && <Models dagId={place.dagId} />}
      {view === "endpoints" && <Endpoints dagId={place.dagId} />}
    </>
  );
};
