/** Light or dark, as Airflow's page is: for the canvas, which cannot use CSS variables. */

import { useSyncExternalStore } from "react";

const subscribe = (listener: () => void) => {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ["class", "data-theme", "style"] });
  return () => observer.disconnect();
};

export const useColorMode = (): "light" | "dark" =>
  useSyncExternalStore(subscribe, () => (document.documentElement.classList.contains("dark") ? "dark" : "light"));
