import { useNow } from "../api/clock";
import type { ExecutionRow } from "../api/types";
import { formatDuration, formatRunning, percent, seconds } from "./format";
import { hasEnded } from "./states";

type Timed = Pick<ExecutionRow, "state" | "started" | "created" | "duration" | "usual_duration">;

/** How long it took, or has taken so far, beside how long the pipeline usually takes. */
export const Duration = ({ execution }: { execution: Timed }) => {
  const { state, started, duration, usual_duration: usual } = execution;
  const running = duration === null && started !== null && !hasEnded(state);
  const now = useNow(running);
  const taken = running ? Math.max(0, seconds(started, now)) : duration;
  if (taken === null) return <span className="asm-muted asm-nothing">–</span>;
  return (
    <div className="asm-duration">
      <span className="asm-number">{running ? formatRunning(taken) : formatDuration(taken)}</span>
      {usual !== null && usual > 0 && <BesideUsual taken={taken} usual={usual} state={state} />}
    </div>
  );
};

// The bar's whole width is twice the usual; the mark in its middle is the usual.
const BesideUsual = ({ taken, usual, state }: { taken: number; usual: number; state: string }) => {
  const share = taken / usual;
  return (
    <span className="asm-usual" title={`Usually ${formatDuration(usual)}`}>
      <span className="asm-bar" aria-hidden="true" data-over={share > 1.25} data-state={state}>
        <span style={{ inlineSize: percent(Math.min(share, 2) / 2) }} />
      </span>
      <span className="asm-muted asm-small">{share > 9.99 ? ">999%" : percent(share)} of usual</span>
    </span>
  );
};
