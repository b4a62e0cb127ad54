/** What the page reads, and how often: each answer is polled while it is looked at, and only then. */

import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { act, actInAirflow, ApiError, get } from "./client";
import type {
  DefinitionDiff,
  EndpointList,
  ExecutionDetail,
  ExecutionList,
  ExecutionRow,
  Health,
  ModelList,
  ModelVersion,
  PipelineList,
  StepLog,
  StepValues,
} from "./types";

const POLL = 3_000;

const refused = (error: unknown) => error instanceof ApiError && error.status >= 400 && error.status < 500;

/** Outlives the component: Airflow may mount it anew at any of its own renders. */
export const client = new QueryClient({
  defaultOptions: {
    queries: {
      refetchInterval: (query) => (refused(query.state.error) ? false : POLL),
      // Not while the window is hidden; at once when it is seen again.
      refetchIntervalInBackground: false,
      refetchOnWindowFocus: "always",
      retry: false,
      staleTime: POLL / 2,
    },
    mutations: { retry: false },
  },
});

export const useExecutions = (query: URLSearchParams) =>
  useQuery({
    queryKey: ["executions", query.toString()],
    queryFn: ({ signal }) => get<ExecutionList>("executions", query, signal),
    placeholderData: keepPreviousData,
  });

export type ExecutionKey = { cluster: string | null; namespace: string; name: string };

const where = ({ namespace, name }: ExecutionKey) =>
  `executions/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;

const onCluster = ({ cluster }: { cluster: string | null }) => new URLSearchParams(cluster ? { cluster } : {});

export const useExecution = (key: ExecutionKey) =>
  useQuery({
    queryKey: ["execution", key],
    queryFn: ({ signal }) => get<ExecutionDetail>(where(key), onCluster(key), signal),
  });

/** Definitions of what was launched do not change: read once, when somebody looks. */
export const useDiff = (key: ExecutionKey, wanted: boolean) =>
  useQuery({
    queryKey: ["diff", key],
    queryFn: ({ signal }) => get<DefinitionDiff>(`${where(key)}/diff`, onCluster(key), signal),
    enabled: wanted,
    staleTime: Infinity,
    refetchInterval: false,
    refetchOnWindowFocus: false,
  });

/** What the expressions of one step are. An outcome becomes known while the execution runs. */
export const useValues = (key: ExecutionKey, step: string) =>
  useQuery({
    queryKey: ["values", key, step],
    queryFn: ({ signal }) => {
      const query = onCluster(key);
      query.set("step", step);
      return get<StepValues>(`${where(key)}/values`, query, signal);
    },
    refetchInterval: 10 * POLL,
  });

/** The end of the log of one step's job, while somebody looks at it. */
export const useLog = (key: ExecutionKey, step: string, wanted: boolean) =>
  useQuery({
    queryKey: ["log", key, step],
    queryFn: ({ signal }) => {
      const query = onCluster(key);
      query.set("step", step);
      return get<StepLog>(`${where(key)}/log`, query, signal);
    },
    enabled: wanted,
    refetchInterval: 5 * POLL,
  });

export const usePipelines = (dagId: string | undefined) =>
  useQuery({
    queryKey: ["pipelines", dagId],
    queryFn: ({ signal }) => get<PipelineList>("pipelines", new URLSearchParams(dagId ? { dag_id: dagId } : {}), signal),
  });

export const useModels = (query: URLSearchParams) =>
  useQuery({
    queryKey: ["models", query.toString()],
    queryFn: ({ signal }) => get<ModelList>("models", query, signal),
    placeholderData: keepPreviousData,
  });

export const useEndpoints = (query: URLSearchParams) =>
  useQuery({
    queryKey: ["endpoints", query.toString()],
    queryFn: ({ signal }) => get<EndpointList>("endpoints", query, signal),
    placeholderData: keepPreviousData,
  });

export const useDecision = (version: ModelVersion, approved: boolean) => {
  const queries = useQueryClient();
  const path = `models/${encodeURIComponent(version.namespace)}/${encodeURIComponent(version.name)}/approval`;
  return useMutation({
    mutationFn: () => act(path, onCluster(version), { uid: version.uid, approved }),
    onSettled: () => queries.invalidateQueries(),
  });
};

export const useHealth = () =>
  useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => get<Health>("health", new URLSearchParams(), signal),
  });

export const useStop = (execution: ExecutionRow) => {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => act(`${where(execution)}/stop`, onCluster(execution), { uid: execution.uid }),
    onSettled: () => queries.invalidateQueries(),
  });
};

/** Airflow's own "clear": it authorizes and audits it, and the operator launches the next attempt. */
export const useRerun = ({ dag_id, run_id, task_id, map_index }: ExecutionRow) => {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      actInAirflow(`dags/${encodeURIComponent(dag_id)}/clearTaskInstances`, {
        dry_run: false,
        dag_run_id: run_id,
        task_ids: [map_index >= 0 ? [task_id, map_index] : task_id],
        only_failed: false,
        include_downstream: true,
      }),
    onSettled: () => queries.invalidateQueries(),
  });
};
