import { airflowUrl } from "../host/globals";
import { fetchAsUser } from "../host/session";
import { learn } from "./clock";

/** An answer that is none: the server's own words, and its status (0: it was not reached). */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What an error's body says: FastAPI's `detail` is a text, or a list of what is wrong with the request. */
export const detailOf = (body: unknown): string | null => {
  const detail = (body as { detail?: unknown } | null)?.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) {
    const messages = detail.map((each) => (each as { msg?: unknown }).msg).filter((each) => typeof each === "string");
    return messages.length ? messages.join("; ") : null;
  }
  return null;
};

const request = async (url: string, init?: RequestInit): Promise<unknown> => {
  let response: Response;
  try {
    response = await fetchAsUser(url, init);
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new ApiError(0, "Airflow's API server does not answer.");
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, detailOf(body) ?? (response.statusText || "No reason given."));
  return body;
};

const HERE = "ack-sagemaker/api/";

/** Read one of the plugin's routes. Conditional requests (ETag) are the browser's. */
export const get = async <T>(path: string, query: URLSearchParams, signal?: AbortSignal): Promise<T> => {
  const asked = query.toString();
  const body = await request(airflowUrl(`${HERE}${path}${asked && `?${asked}`}`), { signal });
  const { now } = body as { now?: unknown };
  if (typeof now === "string") learn(now);
  return body as T;
};

const post = (url: string, body: object, headers?: Record<string, string>) =>
  request(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** Change something by one of the plugin's routes. The header tells it from a form on another site. */
export const act = (path: string, query: URLSearchParams, body: object): Promise<unknown> =>
  post(airflowUrl(`${HERE}${path}?${query.toString()}`), body, { "X-Requested-With": "airflow-ack-sagemaker" });

/** Airflow's own public API. */
export const actInAirflow = (path: string, body: object): Promise<unknown> => post(airflowUrl(`api/v2/${path}`), body);
