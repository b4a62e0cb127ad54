/** Whom Airflow's page has logged in: 3.1.0 keeps a token in the local storage, newer releases have a cookie for it. */

import { airflowUrl } from "./globals";

let refused: string | null = null;

const token = (): string | null => {
  const stored = localStorage.getItem("token");
  return stored === refused ? null : stored;
};

/** `fetch` as the user. A token that is refused is left over from an older Airflow: the cookie has to do. */
export const fetchAsUser = async (url: string, init: RequestInit = {}): Promise<Response> => {
  const stored = token();
  const headers = new Headers(init.headers);
  if (stored !== null) headers.set("Authorization", `Bearer ${stored}`);
  const response = await fetch(url, { ...init, headers, credentials: "same-origin" });
  if (stored === null || response.status !== 401) return response;
  headers.delete("Authorization");
  const again = await fetch(url, { ...init, headers, credentials: "same-origin" });
  if (again.status !== 401) refused = stored;
  return again;
};

/** Where to log in and come back from. */
export const loginUrl = (): string => {
  const url = new URL(airflowUrl("api/v2/auth/login"));
  url.searchParams.set("next", location.href);
  return url.href;
};
