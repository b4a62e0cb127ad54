import { memo, type ReactNode } from "react";

import type { ExecutionRow } from "../api/types";
import { ExecutionLink } from "../execution/link";
import { AirflowLink } from "../host/links";
import { dagPath, runPath, taskPath } from "../host/paths";
import { Duration } from "../parts/duration";
import { Icon } from "../parts/icons";
import { labelOf, lookOf } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";
import type { Place, Shown, Sort } from "./query";
import { Reason } from "./reason";

type Props = {
  rows: ExecutionRow[];
  place: Place;
  shown?: Shown;
  onSort?: (column: Sort) => void;
  caption: string;
};

/** Airflow's page around it says already which DAG or run it is. */
const columnOf = ({ dagId, runId }: Place) => (runId ? "Task" : dagId ? "Task, run" : "Dag / task, run");

/** The roles are said aloud because the narrow layout takes the display of a table from it. */
export const ExecutionTable = ({ rows, place, shown, onSort, caption }: Props) => {
  const head = (column: Sort, title: string) => (
    <SortableHead key={column} column={column} title={title} shown={shown} onSort={onSort} />
  );
  return (
    <table className="asm-table asm-executions" role="table" aria-label={caption}>
      <thead role="rowgroup">
        <tr role="row">
          {head("state", "Status")}
          {head("pipeline", "Pipeline")}
          {head("dag_id", columnOf(place))}
          {head("created", "Started")}
          {head("duration", "Duration")}
          <th role="columnheader" scope="col">
            Reason
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <Row key={row.uid} row={row} withDag={!place.dagId} withRun={!place.runId} column={columnOf(place)} />
        ))}
      </tbody>
    </table>
  );
};

type HeadProps = { column: Sort; title: string; shown?: Shown; onSort?: (column: Sort) => void };

const SortableHead = ({ column, title, shown, onSort }: HeadProps) => {
  if (!shown || !onSort)
    return (
      <th role="columnheader" scope="col">
        {title}
      </th>
    );
  const active = shown.sort === column;
  const order = shown.descending ? "descending" : "ascending";
  return (
    <th role="columnheader" scope="col" aria-sort={active ? order : "none"}>
      <button type="button" className="asm-sort" data-active={active} onClick={() => onSort(column)}>
        {title}
        <Icon name={active ? (shown.descending ? "down" : "up") : "both"} />
      </button>
    </th>
  );
};

export const Cell = ({ label, children }: { label: string; children: ReactNode }) => (
  <td role="cell" data-label={label}>
    {children}
  </td>
);

type RowProps = { row: ExecutionRow; withDag: boolean; withRun: boolean; column: string };

const Row = memo(({ row, withDag, withRun, column }: RowProps) => {
  const look = lookOf(row.state);
  return (
    <tr role="row" data-state={row.state}>
      <Cell label="Status">
        <Badge tone={look.tone} icon={look.icon} label={labelOf(row)} />
      </Cell>
      <Cell label="Pipeline">
        <ExecutionLink execution={row} className="asm-strong" aria-label={`${row.pipeline}, execution ${row.name}`}>
          <Name cut>{row.pipeline}</Name>
        </ExecutionLink>
        <span className="asm-muted asm-small asm-line">
          <Name cut>{row.name}</Name>
          {row.attempt !== null && row.attempt > 1 && ` · attempt ${row.attempt}`}
        </span>
      </Cell>
      <Cell label={column}>
        <TaskLinks row={row} withDag={withDag} withRun={withRun} />
      </Cell>
      <Cell label="Started">
        {row.started ? <Time time={row.started} /> : <span className="asm-muted">Not yet</span>}
      </Cell>
      <Cell label="Duration">
        <Duration execution={row} />
      </Cell>
      <Cell label="Reason">
        <Reason id={row.uid} reason={row.reason} remedy={row.remedy} />
      </Cell>
    </tr>
  );
});

type Whose = Pick<ExecutionRow, "dag_id" | "run_id" | "task_id" | "map_index"> & { index?: number | null };

/** The task that has made something. */
export const TaskLinks = ({ row, withDag, withRun }: { row: Whose; withDag: boolean; withRun: boolean }) => (
  <div className="asm-task">
    <div className="asm-path">
      {withDag && (
        <>
          <AirflowLink to={dagPath(row.dag_id)}>
            <Name cut>{row.dag_id}</Name>
          </AirflowLink>
          <span className="asm-muted">/</span>
        </>
      )}
      <AirflowLink to={taskPath(row.dag_id, row.run_id, row.task_id, row.map_index)}>
        <Name cut>{row.map_index >= 0 ? `${row.task_id} [${row.map_index}]` : row.task_id}</Name>
      </AirflowLink>
      {row.index != null && <span className="asm-muted">#{row.index}</span>}
    </div>
    {withRun && (
      <AirflowLink to={runPath(row.dag_id, row.run_id)} className="asm-small">
        <Name cut="lines">{row.run_id}</Name>
      </AirflowLink>
    )}
  </div>
);
