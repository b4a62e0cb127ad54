/** Where Airflow's UI shows a DAG, a run or a task instance: paths below its root, safe for any id. */

const part = encodeURIComponent;

export const dagPath = (dagId: string): string => `/dags/${part(dagId)}`;

export const runPath = (dagId: string, runId: string): string => `${dagPath(dagId)}/runs/${part(runId)}`;

export const taskPath = (dagId: string, runId: string, taskId: string, mapIndex: number): string =>
  `${runPath(dagId, runId)}/tasks/${part(taskId)}${mapIndex >= 0 ? `/mapped/${mapIndex}` : ""}`;

/** A URL that may become a link: an absolute one over HTTP; anything else (`javascript:` above all) is null. */
export const externalUrl = (url: string | null | undefined): string | null => {
  if (!url || !URL.canParse(url)) return null;
  const { protocol } = new URL(url);
  return protocol === "https:" || protocol === "http:" ? url : null;
};
