import { useState } from "react";

import { usePipelines } from "../api/queries";
import { plural } from "../parts/format";
import { Icon } from "../parts/icons";
import { Alert, Empty, Failure, Spinner } from "../parts/messages";
import { PipelineCard } from "./card";

const MORE = 20;

/** Every pipeline, with what it runs and how its runs went. */
export const Pipelines = ({ dagId }: { dagId?: string }) => {
  const { data, error } = usePipelines(dagId);
  const [text, setText] = useState("");
  const [most, setMost] = useState(MORE);
  const wanted = text.trim().toLowerCase();
  const found = (data?.items ?? []).filter(
    ({ pipeline, name, dag_ids }) => !wanted || [pipeline, name, ...dag_ids].some((each) => each.toLowerCase().includes(wanted)),
  );
  return (
    <section className="asm-stack" aria-label="Pipelines">
      {data && data.items.length > 5 && (
        <div className="asm-filters" role="search" aria-label="Pipelines">
          <label className="asm-search">
            <span className="asm-hidden">Search pipelines</span>
            <Icon name="search" />
            <input
              type="search"
              dir="auto"
              value={text}
              placeholder="Search pipelines and Dags"
              onChange={(event) => setText(event.target.value)}
            />
          </label>
          <span className="asm-muted" role="status">
            {plural(found.length, "pipeline")}
          </span>
        </div>
      )}
      {error && <Failure error={error} />}
      {data?.errors.map((each) => (
        <Alert key={each} title="The cluster is not available">
          {each}
        </Alert>
      ))}
      {!data && !error && <Spinner />}
      {data && found.length === 0 && (data.loading ? <Spinner label="Reading the cluster" /> : <Nothing filtered={!!wanted} />)}
      {found.slice(0, most).map((pipeline) => (
        <PipelineCard key={`${pipeline.cluster}/${pipeline.namespace}/${pipeline.name}`} pipeline={pipeline} />
      ))}
      {found.length > most && (
        <button type="button" className="asm-button" onClick={() => setMost(most + MORE)}>
          Show more ({(found.length - most).toLocaleString("en")} left)
        </button>
      )}
    </section>
  );
};

const Nothing = ({ filtered }: { filtered: boolean }) =>
  filtered ? (
    <Empty title="No pipelines found">Nothing matches the search.</Empty>
  ) : (
    <Empty title="No pipelines found">They show here once a task with AckPipelineOperator has applied one.</Empty>
  );
