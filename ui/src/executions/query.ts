/** What the list shows, as search parameters of the page's URL, and what the server is asked for it. */

import type { State } from "../api/types";

/** Where in Airflow the page stands. */
export type Place = { dagId?: string; runId?: string; taskId?: string; mapIndex?: string };

export const SORTS = ["created", "pipeline", "dag_id", "state", "duration"] as const;
export type Sort = (typeof SORTS)[number];

export const SIZES = [25, 50, 100, 200];

export type Shown = {
  states: State[];
  pipeline: string;
  dag: string;
  text: string;
  sort: Sort;
  descending: boolean;
  size: number;
  page: number;
};

const whole = (text: string | null, smallest: number, otherwise: number): number => {
  const value = Number(text);
  return Number.isInteger(value) && value >= smallest ? value : otherwise;
};

/** Read the URL; what makes no sense there is as if it were not there. */
export const readShown = (search: URLSearchParams): Shown => {
  const sort = search.get("sort") ?? "-created";
  const name = sort.replace(/^-/, "");
  const known = (SORTS as readonly string[]).includes(name);
  const size = whole(search.get("size"), 1, 50);
  return {
    states: search.getAll("state") as State[],
    pipeline: search.get("pipeline") ?? "",
    dag: search.get("dag") ?? "",
    text: search.get("q") ?? "",
    sort: known ? (name as Sort) : "created",
    descending: known ? sort.startsWith("-") : true,
    size: SIZES.includes(size) ? size : 50,
    page: whole(search.get("page"), 1, 1),
  };
};

/** The query of `GET /api/executions`. */
export const askFor = (shown: Shown, place: Place): URLSearchParams => {
  const query = new URLSearchParams();
  const dag = place.dagId ?? shown.dag;
  if (dag) query.set("dag_id", dag);
  if (place.runId) query.set("run_id", place.runId);
  if (place.taskId) query.set("task_id", place.taskId);
  if (place.mapIndex !== undefined) query.set("map_index", place.mapIndex);
  if (shown.pipeline) query.set("pipeline", shown.pipeline);
  for (const state of shown.states) query.append("state", state);
  if (shown.text) query.set("search", shown.text);
  query.set("sort", `${shown.descending ? "-" : ""}${shown.sort}`);
  query.set("limit", String(shown.size));
  query.set("offset", String((shown.page - 1) * shown.size));
  return query;
};

/** The `sort` of a click on a column: the other way round, or that column, names from A and the rest from the top. */
export const nextSort = (shown: Pick<Shown, "sort" | "descending">, column: Sort): string => {
  const descending = shown.sort === column ? !shown.descending : column === "created" || column === "duration";
  return `${descending ? "-" : ""}${column}`;
};
