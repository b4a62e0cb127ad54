/** Which execution the URL names. */

import type { ExecutionKey } from "../api/queries";
import type { ExecutionRow } from "../api/types";
import { changed } from "../host/search";

export type Address = Pick<ExecutionRow, "cluster" | "namespace" | "name">;

/** What Kubernetes may call something. Above all "..", which would ask the server for something else, is no name. */
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

export const readAddress = (search: URLSearchParams): ExecutionKey | null => {
  const [namespace = "", name = "", ...rest] = (search.get("execution") ?? "").split("/");
  const named = NAME.test(namespace) && NAME.test(name) && rest.length === 0;
  return named ? { cluster: search.get("cluster"), namespace, name } : null;
};

/** The search parameters that show one execution; those of the list stay, for the way back. */
export const withExecution = (search: URLSearchParams, { cluster, namespace, name }: Address): URLSearchParams =>
  changed(search, { execution: `${namespace}/${name}`, cluster, step: null });

/** And those without it. */
export const withoutExecution = (search: URLSearchParams): URLSearchParams =>
  changed(search, { execution: null, cluster: null, step: null, steps: null });
