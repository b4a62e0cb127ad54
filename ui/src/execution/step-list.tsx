import { memo } from "react";

import type { Step } from "../api/types";
import { useNow } from "../api/clock";
import { formatDuration, formatRunning, seconds } from "../parts/format";
import { stepLook } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";

type Props = { steps: Step[]; selected: string | null; onSelect: (name: string | null) => void };

/** The same as the graph, as a table. */
export const StepList = ({ steps, selected, onSelect }: Props) => (
  <div className="asm-scroll asm-tall" role="region" aria-label="Table of steps" tabIndex={0}>
    <table className="asm-table asm-steps" role="table" aria-label="Steps">
      <thead role="rowgroup">
        <tr role="row">
          {["Step", "Type", "Status", "Started", "Duration"].map((title) => (
            <th key={title} role="columnheader" scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {steps.map((step) => (
          <StepRow key={step.name} step={step} selected={step.name === selected} onSelect={onSelect} />
        ))}
      </tbody>
    </table>
  </div>
);

type RowProps = { step: Step; selected: boolean; onSelect: (name: string | null) => void };

const StepRow = memo(({ step, selected, onSelect }: RowProps) => {
  const look = stepLook(step.status);
  return (
    <tr role="row" data-selected={selected}>
      <td role="cell" data-label="Step">
        <button
          type="button"
          className="asm-link asm-strong"
          aria-pressed={selected}
          onClick={() => onSelect(selected ? null : step.name)}
        >
          <Name>{step.display_name ?? step.name}</Name>
        </button>
        {step.parent && (
          <span className="asm-muted asm-small asm-line">
            if <Name>{step.parent}</Name> is {step.branch === "else" ? "false" : "true"}
          </span>
        )}
      </td>
      <td role="cell" data-label="Type">
        {step.type}
      </td>
      <td role="cell" data-label="Status">
        <Badge tone={look.tone} icon={look.icon} label={look.label} />
      </td>
      <td role="cell" data-label="Started">
        {step.started ? <Time time={step.started} /> : <span className="asm-muted asm-nothing">–</span>}
      </td>
      <td role="cell" data-label="Duration">
        <StepDuration step={step} />
      </td>
    </tr>
  );
});

export const StepDuration = ({ step }: { step: Step }) => {
  const running = step.started !== null && step.ended === null && (step.status === "Executing" || step.status === "Stopping");
  const now = useNow(running);
  if (step.started === null || (step.ended === null && !running)) return <span className="asm-muted asm-nothing">–</span>;
  return (
    <span className="asm-number">
      {step.ended === null
        ? formatRunning(seconds(step.started, now))
        : formatDuration(seconds(step.started, Date.parse(step.ended)))}
    </span>
  );
};
