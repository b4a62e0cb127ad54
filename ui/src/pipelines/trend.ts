/** What the chart of durations says, beside its bars. */

import type { PastDuration } from "../api/types";
import { formatDuration } from "../parts/format";
import { lookOf } from "../parts/states";

const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Seconds between the lines of the axis: round ones, and at most four. */
export const stepOf = (longest: number): number =>
  STEPS.find((step) => longest / step <= 4) ?? Math.ceil(longest / 4 / 86_400) * 86_400;

/** The chart in one sentence. */
export const describe = (durations: PastDuration[], usual: number | null): string => {
  if (durations.length === 0) return "No run has ended yet.";
  const all = durations.map(({ duration }) => duration);
  const last = durations.at(-1) as PastDuration;
  return (
    `Durations of the last ${durations.length} runs: from ${formatDuration(Math.min(...all))} to ` +
    `${formatDuration(Math.max(...all))}, the last ${formatDuration(last.duration)} (${lookOf(last.state).label})` +
    `${usual ? `, usually ${formatDuration(usual)}` : ""}.`
  );
};
