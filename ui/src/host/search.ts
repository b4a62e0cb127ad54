/** The search parameters of the URL, where the page keeps what it shows: a reload, a link and "back" then just work. */

import { useCallback, useEffect, useSyncExternalStore } from "react";

import { router, type SetSearch } from "./globals";

const listeners = new Set<() => void>();

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
};

/** Without Airflow's router: the History API. `history.state` is the router's, so it stays. */
export const go: SetSearch = (search, options) => {
  const url = `${location.pathname}?${search.toString()}`;
  if (options?.replace) history.replaceState(history.state, "", url);
  else history.pushState(history.state, "", url);
  for (const listener of listeners) listener();
};

const useHistorySearch = (): [URLSearchParams, SetSearch] => {
  const search = useSyncExternalStore(subscribe, () => location.search);
  return [new URLSearchParams(search), go];
};

// Which of the two is used never changes while the page lives.
const useRawSearch = router ? router.useSearchParams : useHistorySearch;

export type Changes = Record<string, string | string[] | null | undefined>;

/** The parameters with some changed; null, undefined and "" remove one. */
export const changed = (search: URLSearchParams, changes: Changes): URLSearchParams => {
  const next = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) if (each) next.append(name, each);
  }
  return next;
};

type Change = (changes: Changes) => void;
type Open = (search: URLSearchParams) => void;

/**
 * The parameters; a function that changes some of them in place (without a new entry in the history); and one that
 * goes to others, as a link would.
 */
export const useSearch = (): [URLSearchParams, Change, Open] => {
  const [search, setSearch] = useRawSearch();
  const change = useCallback<Change>(
    // What the URL says now, not what it said at the last render: two changes at once would undo each other.
    (changes) => setSearch(changed(new URLSearchParams(location.search), changes), { replace: true }),
    [setSearch],
  );
  const open = useCallback<Open>((to) => setSearch(to), [setSearch]);
  return [search, change, open];
};

let settled = router === undefined;

/**
 * Airflow's first mount of a plugin wraps it into a lazy component, and its next render mounts it anew without: what
 * had the focus by then, a search box say, would lose it. So let that render be now.
 */
export const useSettled = (): void => {
  const [, change] = useSearch();
  useEffect(() => {
    if (settled) return;
    settled = true;
    change({});
  }, [change]);
};
