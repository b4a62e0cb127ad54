/** The time zone that the user has chosen in Airflow's settings. */

import { useSyncExternalStore } from "react";

const KEY = "timezone";

const chosen = (): string => {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof stored === "string") {
      Intl.DateTimeFormat(undefined, { timeZone: stored });
      return stored;
    }
  } catch {
    // Neither JSON nor a time zone: the browser's own.
  }
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
};

const subscribe = (listener: () => void) => {
  // Airflow's settings tell their own window by "local-storage", other windows get "storage".
  addEventListener("storage", listener);
  addEventListener("local-storage", listener);
  return () => {
    removeEventListener("storage", listener);
    removeEventListener("local-storage", listener);
  };
};

export const useTimezone = (): string => useSyncExternalStore(subscribe, chosen);
