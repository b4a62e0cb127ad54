/** The query of `GET /api/models` and `GET /api/endpoints`. */

import type { Shown } from "../executions/query";

type More = { dagId?: string; group?: string; approval?: string };

export const askFor = ({ text, size, page }: Pick<Shown, "text" | "size" | "page">, more: More): URLSearchParams => {
  const query = new URLSearchParams();
  if (more.dagId) query.set("dag_id", more.dagId);
  if (more.group) query.set("group", more.group);
  if (more.approval) query.set("approval", more.approval);
  if (text) query.set("search", text);
  query.set("limit", String(size));
  query.set("offset", String((page - 1) * size));
  return query;
};
