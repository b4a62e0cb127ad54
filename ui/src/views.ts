/** What the page can show, as the search parameter `view` of its URL. */

import { changed } from "./host/search";

export const VIEWS = { executions: "Executions", pipelines: "Pipelines", models: "Models", endpoints: "Endpoints" } as const;

export type View = keyof typeof VIEWS;

export const viewOf = (search: URLSearchParams): View => {
  const view = search.get("view") ?? "";
  return Object.hasOwn(VIEWS, view) ? (view as View) : "executions";
};

/** Executions and pipelines share their filters; those of the others say nothing elsewhere. */
const shares = (view: View): boolean => view === "executions" || view === "pipelines";

/** The way to another view. */
export const toView = (search: URLSearchParams, to: View, more: Record<string, string> = {}): URLSearchParams => {
  const view = to === "executions" ? null : to;
  if (shares(to) && shares(viewOf(search))) return changed(search, { view, ...more });
  return changed(search, { view, q: null, page: null, group: null, approval: null, execution: null, ...more });
};
