/** What Airflow's page gives to its plugins, beside React itself. */

import type { AnchorHTMLAttributes, ComponentType } from "react";

export type SetSearch = (search: URLSearchParams, options?: { replace?: boolean }) => void;

type Router = {
  Link: ComponentType<AnchorHTMLAttributes<HTMLAnchorElement> & { to: string; replace?: boolean }>;
  useSearchParams: () => [URLSearchParams, SetSearch];
};

/** Airflow's own router; Airflow 3.1.0 keeps it for itself. */
export const router = (globalThis as { ReactRouterDOM?: Router }).ReactRouterDOM;

/** A path below Airflow's root as an absolute URL, whatever `[api] base_url` says. */
export const airflowUrl = (path: string): string => new URL(path.replace(/^\//, ""), document.baseURI).href;
