/** State of the page that survives being mounted anew, which Airflow does to plugins at some of its own renders. */

import { useCallback, useSyncExternalStore } from "react";

const kept = new Map<string, unknown>();
const listeners = new Set<() => void>();

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Like `useState`; everybody with the same key has the same value. */
export const useKept = <T extends string | number | boolean | null>(key: string, initial: T): [T, (value: T) => void] => {
  const value = useSyncExternalStore(subscribe, () => (kept.has(key) ? (kept.get(key) as T) : initial));
  const set = useCallback(
    (next: T) => {
      kept.set(key, next);
      for (const listener of listeners) listener();
    },
    [key],
  );
  return [value, set];
};
