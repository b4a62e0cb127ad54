/** How a state looks and what it is called: of an execution, of a step. */

import type { ExecutionRow, RolloutEnd, Standing, State, StepStatus } from "../api/types";
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

/** SageMaker's words for the approval of a model version. Nothing but "Approved" is served. */
const APPROVALS: Record<string, Look> = {
  Approved: { label: "Approved", tone: "success", icon: "check" },
  Rejected: { label: "Rejected", tone: "failed", icon: "cross" },
  PendingManualApproval: { label: "Pending", tone: "waiting", icon: "clock" },
};

export const approvalLook = (approval: string | null): Look => lookUp(APPROVALS, approval ?? "Not decided");

const STANDINGS: Record<Standing, Look> = {
  Updated: { label: "In service", tone: "success", icon: "check" },
  Updating: { label: "Updating", tone: "running", icon: "pulse" },
  RolledBack: { label: "Rolled back", tone: "failed", icon: "again" },
  RolledBackSilently: { label: "Rolled back", tone: "failed", icon: "again" },
  NoCapacity: { label: "No capacity", tone: "failed", icon: "slash" },
  CreationFailed: { label: "Creation failed", tone: "failed", icon: "cross" },
  Broken: { label: "Broken", tone: "failed", icon: "alert" },
  Replaced: { label: "Replaced", tone: "stopped", icon: "skip" },
  Refused: { label: "Refused", tone: "refused", icon: "slash" },
  Gone: { label: "Gone", tone: "none", icon: "question" },
};

export const standingLook = (standing: string): Look => lookUp(STANDINGS, standing);

const ENDS: Record<RolloutEnd, Look> = {
  Serves: { label: "Serves", tone: "success", icon: "check" },
  RollingOut: { label: "Rolling out", tone: "running", icon: "pulse" },
  Replaced: { label: "Served before", tone: "stopped", icon: "skip" },
  Failed: { label: "Failed", tone: "failed", icon: "cross" },
  Unknown: { label: "Not told", tone: "none", icon: "question" },
};

export const endLook = (end: string): Look => lookUp(ENDS, end);
