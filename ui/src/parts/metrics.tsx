import type { Metric } from "../api/types";
import { formatMetric } from "./format";
import { Name } from "./text";

/** Numbers by name, as a gate has read them of an evaluation report. */
export const Metrics = ({ metrics }: { metrics: Metric[] }) =>
  metrics.length === 0 ? (
    <span className="asm-muted asm-nothing">–</span>
  ) : (
    <ul className="asm-plain">
      {metrics.map(({ name, value }) => (
        <li key={name} title={`${name} = ${value}`}>
          <span className="asm-muted">
            <Name>{name}</Name>
          </span>{" "}
          <span className="asm-number">{formatMetric(value)}</span>
        </li>
      ))}
    </ul>
  );
