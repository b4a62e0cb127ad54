/** The server's clock: a running duration counts from the server's times, and the user's clock may be wrong. */

import { useSyncExternalStore } from "react";

let offset: number | null = null;

/** Learn from an answer's `now`. An answer that came from the browser's cache is older: the latest one is right. */
export const learn = (now: string, at: number = Date.now()): void => {
  const found = Date.parse(now) - at;
  if (Number.isFinite(found) && (offset === null || found > offset)) offset = found;
};

/** Milliseconds since 1970, by the server's clock. */
export const serverNow = (at: number = Date.now()): number => at + (offset ?? 0);

/** For tests. */
export const forget = (): void => {
  offset = null;
};

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let ticked = 0;

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    ticked = serverNow();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
};

const never = () => () => {};

/** The server's time, anew each second; stands still where nothing runs. */
export const useNow = (ticking: boolean): number => {
  useSyncExternalStore(ticking ? subscribe : never, () => ticked);
  return serverNow();
};
