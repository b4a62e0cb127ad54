import { memo } from "react";

import type { EndpointRow, Rollout, VersionName } from "../api/types";
import { TaskLinks } from "../executions/table";
import { ExternalLink, SearchLink } from "../host/links";
import { externalUrl } from "../host/paths";
import { useSearch } from "../host/search";
import { Fact, Facts } from "../parts/facts";
import { plural } from "../parts/format";
import { Icon } from "../parts/icons";
import { Metrics } from "../parts/metrics";
import { endLook, standingLook } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";
import { toView } from "../views";

/** SageMaker's word says InService after a rollback, too: it is told only where nothing better is known. */
const labelOf = ({ standing, status }: EndpointRow) =>
  standing === "Updating" && status ? status : standingLook(standing).label;

export const EndpointCard = memo(({ endpoint }: { endpoint: EndpointRow }) => {
  const look = standingLook(endpoint.standing);
  const failed = look.tone === "failed" || look.tone === "refused";
  return (
    <article className="asm-card asm-stack" aria-label={`Endpoint ${endpoint.endpoint}`}>
      <div className="asm-row asm-header">
        <h3>
          <Name>{endpoint.endpoint}</Name>
        </h3>
        <Badge tone={look.tone} icon={look.icon} label={labelOf(endpoint)} />
      </div>
      <p className="asm-muted asm-small asm-under">
        <Name>{endpoint.name}</Name> in <Name>{endpoint.namespace}</Name>
      </p>
      <Facts>
        <Fact label="Serves">
          {endpoint.serves === null ? (
            <span className="asm-muted">Nothing, or not known</span>
          ) : (
            <>
              <Model version={endpoint.version} model={endpoint.model} />
              <span className="asm-muted asm-small asm-line">
                configuration <Name>{endpoint.serves}</Name>
              </span>
            </>
          )}
        </Fact>
        {endpoint.asked && endpoint.asked !== endpoint.serves && (
          <Fact label={failed ? "Tried" : "Rolling out"}>
            <Name>{endpoint.asked}</Name>
          </Fact>
        )}
        <Fact label="Rollouts">
          {endpoint.attempts.toLocaleString("en")}
          {endpoint.failed > 0 && <span className="asm-muted"> · {plural(endpoint.failed, "failure")}</span>}
        </Fact>
        {endpoint.progress && (
          <Fact label="Progress">
            <bdi className="asm-wrap">{endpoint.progress}</bdi>
          </Fact>
        )}
      </Facts>
      {failed && (endpoint.reason || endpoint.remedy) && (
        <div dir="auto" className="asm-quote asm-wrap">
          {[endpoint.reason, endpoint.remedy].filter(Boolean).map((each) => (
            <p key={each}>{each}</p>
          ))}
        </div>
      )}
      {endpoint.failure && endpoint.failure !== endpoint.reason && (
        <p dir="auto" className="asm-wrap asm-small asm-muted">
          Last failure: {endpoint.failure}
        </p>
      )}
      {endpoint.rollouts.length > 0 && <Rollouts endpoint={endpoint} />}
      {externalUrl(endpoint.console_url) && (
        <p>
          <ExternalLink url={endpoint.console_url}>
            SageMaker console <Icon name="out" />
            <span className="asm-hidden"> (new window)</span>
          </ExternalLink>
        </p>
      )}
    </article>
  );
});

/** A version of the registry leads to its group; an artifact is only told. */
const Model = ({ version, model }: { version: VersionName | null; model: string | null }) => {
  const [search] = useSearch();
  if (version)
    return (
      <SearchLink to={toView(search, "models", { group: version.group })}>
        <Name>{`${version.group}/${version.number}`}</Name>
      </SearchLink>
    );
  return model === null ? <span className="asm-muted">Model not known</span> : <Name>{model}</Name>;
};

const Rollouts = ({ endpoint: { endpoint, rollouts, attempts } }: { endpoint: EndpointRow }) => (
  <details className="asm-fold">
    <summary className="asm-small">
      {attempts > rollouts.length ? `The last ${rollouts.length} of ${plural(attempts, "rollout")}` : plural(attempts, "rollout")}
    </summary>
    <div className="asm-scroll asm-tall" role="region" aria-label={`Rollouts of ${endpoint}`} tabIndex={0}>
      <table className="asm-table">
        <thead>
          <tr>
            <th scope="col">End</th>
            <th scope="col">Model</th>
            <th scope="col">Metrics</th>
            <th scope="col">By</th>
            <th scope="col">Began</th>
          </tr>
        </thead>
        <tbody>
          {rollouts.map((rollout) => (
            <RolloutRow key={rollout.name} rollout={rollout} />
          ))}
        </tbody>
      </table>
    </div>
  </details>
);

const RolloutRow = ({ rollout }: { rollout: Rollout }) => {
  const look = endLook(rollout.end);
  return (
    <tr>
      <td>
        <Badge tone={look.tone} icon={look.icon} label={look.label} />
      </td>
      <td>
        <Model version={rollout.version} model={rollout.model} />
        <span className="asm-muted asm-small asm-line">
          <Name>{rollout.config}</Name>
        </span>
      </td>
      <td>
        <Metrics metrics={rollout.metrics} />
      </td>
      <td>
        <TaskLinks row={rollout} withDag withRun />
      </td>
      <td>
        <Time time={rollout.created} />
      </td>
    </tr>
  );
};
