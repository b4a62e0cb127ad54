import { memo } from "react";

import type { ModelVersion } from "../api/types";
import { ExecutionLink } from "../execution/link";
import { Reason } from "../executions/reason";
import { Cell, TaskLinks } from "../executions/table";
import { ExternalLink, SearchLink } from "../host/links";
import { externalUrl } from "../host/paths";
import { changed, useSearch } from "../host/search";
import { Icon } from "../parts/icons";
import { Metrics } from "../parts/metrics";
import { approvalLook, lookOf } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";
import { toView } from "../views";
import { Decide } from "./decide";

const COLUMNS = ["Version", "Approval", "Metrics", "Registered by", "Model from", "Serves at", "Decide"];

/** The roles are said aloud because the narrow layout takes the display of a table from it. */
export const VersionTable = ({ versions, withDag }: { versions: ModelVersion[]; withDag: boolean }) => (
  <table className="asm-table asm-executions asm-models" role="table" aria-label="Versions">
    <thead role="rowgroup">
      <tr role="row">
        {COLUMNS.map((title) => (
          <th key={title} role="columnheader" scope="col">
            {title}
          </th>
        ))}
      </tr>
    </thead>
    <tbody role="rowgroup">
      {versions.map((version) => (
        <Row key={version.uid} version={version} withDag={withDag} />
      ))}
    </tbody>
  </table>
);

const nameOf = ({ group, number }: ModelVersion) => (number === null ? group : `${group}/${number}`);

const Row = memo(({ version, withDag }: { version: ModelVersion; withDag: boolean }) => {
  const [search] = useSearch();
  const look = approvalLook(version.approval);
  const state = lookOf(version.state);
  // What SageMaker has is told by its approval; what it does not have (yet) by how far it is.
  const notThere = version.number === null || version.state === "Failed" || version.state === "Refused";
  return (
    <tr role="row">
      <Cell label="Version">
        <SearchLink to={changed(search, { group: version.group, page: null })} className="asm-strong">
          <Name cut>{nameOf(version)}</Name>
        </SearchLink>
        <span className="asm-muted asm-small asm-line">
          <Time time={version.created} />
        </span>
      </Cell>
      <Cell label="Approval">
        {notThere ? (
          <Badge tone={state.tone} icon={state.icon} label={version.status ?? state.label} />
        ) : (
          <Badge tone={look.tone} icon={look.icon} label={look.label} />
        )}
        {notThere && (version.reason || version.remedy) && (
          <span className="asm-line">
            <Reason id={version.uid} reason={version.reason} remedy={version.remedy} />
          </span>
        )}
      </Cell>
      <Cell label="Metrics">
        <Metrics metrics={version.metrics} />
      </Cell>
      <Cell label="Registered by">
        <TaskLinks row={version} withDag={withDag} withRun />
      </Cell>
      <Cell label="Model from">
        <MadeBy version={version} />
      </Cell>
      <Cell label="Serves at">
        {version.endpoints.length === 0 ? (
          <span className="asm-muted asm-nothing">–</span>
        ) : (
          <ul className="asm-plain">
            {version.endpoints.map(({ namespace, endpoint }) => (
              <li key={`${namespace}/${endpoint}`}>
                <SearchLink to={toView(search, "endpoints", { q: endpoint })}>
                  <Name>{endpoint}</Name>
                </SearchLink>
              </li>
            ))}
          </ul>
        )}
      </Cell>
      <Cell label="Decide">
        <Decide version={version} name={nameOf(version)} />
      </Cell>
    </tr>
  );
});

/** The execution of a pipeline that has made the model: here, in SageMaker, or not known. */
const MadeBy = ({ version: { execution, execution_url } }: { version: ModelVersion }) => {
  if (execution)
    return (
      <ExecutionLink execution={execution}>
        <Name cut="lines">{execution.name}</Name>
      </ExecutionLink>
    );
  if (externalUrl(execution_url))
    return (
      <ExternalLink url={execution_url}>
        In SageMaker <Icon name="out" />
        <span className="asm-hidden"> (new window)</span>
      </ExternalLink>
    );
  return <span className="asm-muted asm-nothing">–</span>;
};
