import { memo } from "react";

import type { Drift, PastDuration, PipelineRow } from "../api/types";
import { withExecution } from "../execution/address";
import { Source } from "../execution/definition";
import { ExecutionLink } from "../execution/link";
import { AirflowLink, ExternalLink, SearchLink } from "../host/links";
import { dagPath, externalUrl } from "../host/paths";
import { changed, useSearch } from "../host/search";
import { Fact, Facts } from "../parts/facts";
import { formatDuration, percent, plural } from "../parts/format";
import { Icon, type IconName } from "../parts/icons";
import { labelOf, lookOf, type Tone } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";
import { DurationChart } from "./chart";

/** What the resource stands for: it is there, in SageMaker, as the DAG wants it. */
const STANDING: Partial<Record<string, string>> = { Succeeded: "Active", InProgress: "Updating", Deleting: "Deleting" };

const DRIFT: Record<Drift["state"], { label: string; tone: Tone; icon: IconName }> = {
  in_sync: { label: "In sync with S3", tone: "success", icon: "check" },
  behind: { label: "S3 is newer", tone: "retrying", icon: "clock" },
  edited: { label: "Edited in the cluster", tone: "refused", icon: "alert" },
  unknown: { label: "Drift not known", tone: "none", icon: "question" },
};

export const PipelineCard = memo(({ pipeline }: { pipeline: PipelineRow }) => {
  const look = lookOf(pipeline.state);
  const drift = DRIFT[pipeline.drift.state] ?? DRIFT.unknown;
  const [search] = useSearch();
  return (
    <article className="asm-card asm-pipeline" aria-label={pipeline.pipeline}>
      <div className="asm-stack">
        <div className="asm-row asm-header">
          <h3>
            <Name>{pipeline.pipeline}</Name>
          </h3>
          <Badge tone={look.tone} icon={look.icon} label={pipeline.status ?? STANDING[pipeline.state] ?? look.label} />
          <Badge tone={drift.tone} icon={drift.icon} label={drift.label} />
        </div>
        <p className="asm-muted asm-small asm-under">
          <Name>{pipeline.name}</Name> in <Name>{pipeline.namespace}</Name>
        </p>
        {pipeline.drift.detail && pipeline.drift.state !== "in_sync" && (
          <p dir="auto" className="asm-wrap asm-small asm-muted">
            {pipeline.drift.detail}
          </p>
        )}
        {(pipeline.reason || pipeline.remedy) && (
          <div dir="auto" className="asm-quote asm-wrap">
            {[pipeline.reason, pipeline.remedy].filter(Boolean).map((each) => (
              <p key={each}>{each}</p>
            ))}
          </div>
        )}
        <Source definition={pipeline.definition} />
        <Figures pipeline={pipeline} />
        <p className="asm-row">
          <SearchLink to={changed(search, { view: null, pipeline: pipeline.pipeline, page: null, execution: null })}>
            Its executions
          </SearchLink>
          {externalUrl(pipeline.console_url) && (
            <ExternalLink url={pipeline.console_url}>
              SageMaker console{" "}
              <Icon name="out" />
              <span className="asm-hidden"> (new window)</span>
            </ExternalLink>
          )}
        </p>
      </div>
      <Trend pipeline={pipeline} />
    </article>
  );
});

const Figures = ({ pipeline }: { pipeline: PipelineRow }) => {
  const { last, success_rate: rate, ended, usual_duration: usual, dag_ids: dags } = pipeline;
  const look = last && lookOf(last.state);
  return (
    <Facts>
      <Fact label="Last run">
        {last && look ? (
          <span className="asm-row">
            <ExecutionLink execution={last} aria-label={`${labelOf(last)}, execution ${last.name}`}>
              <Badge tone={look.tone} icon={look.icon} label={labelOf(last)} />
            </ExecutionLink>
            <Time time={last.started ?? last.created} />
          </span>
        ) : (
          <span className="asm-muted">None</span>
        )}
      </Fact>
      <Fact label="Success rate">
        {rate === null ? (
          <span className="asm-muted">–</span>
        ) : (
          <>
            <span className="asm-number">{percent(rate)}</span>{" "}
            <span className="asm-muted asm-small">of {plural(ended, "run")}</span>
          </>
        )}
      </Fact>
      <Fact label="Usual duration">
        {usual === null ? (
          <span className="asm-muted">–</span>
        ) : (
          <span className="asm-number">{formatDuration(usual)}</span>
        )}
      </Fact>
      {dags.length > 0 && (
        <Fact label={dags.length === 1 ? "Dag" : "Dags"}>
          {dags.map((dag) => (
            <AirflowLink key={dag} to={dagPath(dag)} className="asm-line">
              <Name>{dag}</Name>
            </AirflowLink>
          ))}
        </Fact>
      )}
    </Facts>
  );
};

const Trend = ({ pipeline }: { pipeline: PipelineRow }) => {
  const [search, , open] = useSearch();
  const { cluster, durations, usual_duration: usual } = pipeline;
  if (durations.length === 0) return <p className="asm-muted">No run has ended yet.</p>;
  const show = ({ namespace, name }: PastDuration) => open(withExecution(search, { cluster, namespace, name }));
  return (
    <div className="asm-trend">
      <p className="asm-muted asm-small">Durations of the last {plural(durations.length, "run")}</p>
      <DurationChart durations={durations} usual={usual} onOpen={show} />
      <details className="asm-fold">
        <summary className="asm-small">As a table</summary>
        <div className="asm-scroll asm-tall" role="region" aria-label={`Durations of ${pipeline.pipeline}`} tabIndex={0}>
          <table className="asm-table">
            <thead>
              <tr>
                <th scope="col">Created</th>
                <th scope="col">Duration</th>
                <th scope="col">End</th>
              </tr>
            </thead>
            <tbody>
              {[...durations].reverse().map((past) => (
                <tr key={`${past.namespace}/${past.name}`}>
                  <td>
                    <ExecutionLink execution={{ cluster, namespace: past.namespace, name: past.name }}>
                      <Time time={past.created} />
                    </ExecutionLink>
                  </td>
                  <td className="asm-number">{formatDuration(past.duration)}</td>
                  <td>{lookOf(past.state).label}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
};
