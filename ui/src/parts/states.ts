/** How a state looks and what it is called: of an execution, of a step. */

import type { ExecutionRow, State, StepStatus } from "../api/types";
import type { IconName } from "./icons";

/** The colours are Airflow's own for what comes closest (style/tones.css). */
export type Tone = "success" | "failed" | "running" | "waiting" | "retrying" | "stopped" | "stopping" | "refused" | "none";

type Look = { label: string; tone: Tone; icon: IconName };

export const STATES: Record<State, Look> = {
  InProgress: { label: "Executing", tone: "running", icon: "pulse" },
  Unseen: { label: "Waiting", tone: "waiting", icon: "clock" },
  Retrying: { label: "Retrying", tone: "retrying", icon: "again" },
  Unknown: { label: "Unknown", tone: "none", icon: "question" },
  Deleting: { label: "Stopping", tone: "stopping", icon: "square" },
  Failed: { label: "Failed", tone: "failed", icon: "cross" },
  Refused: { label: "Refused", tone: "refused", icon: "slash" },
  Stopped: { label: "Stopped", tone: "stopped", icon: "square" },
  Succeeded: { label: "Succeeded", tone: "success", icon: "check" },
};

/** A server newer than the page may know more words. */
const lookUp = (table: Record<string, Look>, word: string): Look =>
  (Object.hasOwn(table, word) && table[word]) || { label: word, tone: "none", icon: "question" };

export const lookOf = (state: string): Look => lookUp(STATES, state);

const ENDED: ReadonlySet<string> = new Set<State>(["Succeeded", "Failed", "Stopped", "Refused"]);

export const hasEnded = (state: State): boolean => ENDED.has(state);

/** What is written on a badge: SageMaker's own word while it is about the run, else ours. */
export const labelOf = ({ state, status }: Pick<ExecutionRow, "state" | "status">): string =>
  (state === "InProgress" || state === "Unknown") && status ? status : lookOf(state).label;

export const STEPS: Record<StepStatus, Look> = {
  NotStarted: { label: "Not started", tone: "none", icon: "dashed" },
  Starting: { label: "Starting", tone: "running", icon: "clock" },
  Executing: { label: "Executing", tone: "running", icon: "pulse" },
  Stopping: { label: "Stopping", tone: "stopping", icon: "square" },
  Stopped: { label: "Stopped", tone: "stopped", icon: "square" },
  Failed: { label: "Failed", tone: "failed", icon: "cross" },
  Succeeded: { label: "Succeeded", tone: "success", icon: "check" },
  Skipped: { label: "Skipped", tone: "none", icon: "skip" },
};

export const stepLook = (status: string | null): Look => lookUp(STEPS, status ?? "Not known");
