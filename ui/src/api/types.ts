/** What the routes below `/ack-sagemaker/api` answer. Times are RFC 3339 in UTC, durations are seconds. */

export type State =
  | "Unseen"
  | "InProgress"
  | "Retrying"
  | "Unknown"
  | "Deleting"
  | "Succeeded"
  | "Failed"
  | "Stopped"
  | "Refused";

export type ExecutionRow = {
  cluster: string;
  namespace: string;
  name: string;
  uid: string;
  pipeline: string;
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  index: number | null;
  attempt: number | null;
  state: State;
  status: string | null;
  reason: string | null;
  remedy: string | null;
  created: string;
  started: string | null;
  ended: string | null;
  duration: number | null;
  usual_duration: number | null;
  arn: string | null;
  console_url: string | null;
};

export type ExecutionList = {
  version: string;
  now: string;
  loading: boolean;
  total: number;
  items: ExecutionRow[];
  counts: Partial<Record<State, number>>;
  pipelines: string[];
  dags: string[];
  errors: string[];
};

export type StepStatus =
  | "NotStarted"
  | "Starting"
  | "Executing"
  | "Stopping"
  | "Stopped"
  | "Failed"
  | "Succeeded"
  | "Skipped";

export type Branch = "if" | "else";

export type Step = {
  name: string;
  type: string;
  display_name: string | null;
  status: StepStatus | null;
  started: string | null;
  ended: string | null;
  reason: string | null;
  parent: string | null;
  branch: Branch | null;
  log_url: string | null;
};

export type StepEdge = { source: string; target: string; branch: Branch | null };

export type StepGraph = {
  source: "sagemaker" | "cluster" | null;
  note: string | null;
  steps_note: string | null;
  steps: Step[];
  edges: StepEdge[];
};

export type TimelineKind = "info" | "good" | "bad" | "waiting";

export type TimelineEntry = { time: string | null; what: string; detail: string | null; kind: TimelineKind };

export type Parameter = { name: string; value: string; masked: boolean };

export type DefinitionSource = { source_uri: string | null; version_id: string | null; sha256: string | null };

export type ExecutionDetail = {
  version: string;
  now: string;
  execution: ExecutionRow;
  may_edit: boolean;
  attempts: ExecutionRow[];
  parameters: Parameter[];
  timeline: TimelineEntry[];
  graph: StepGraph;
  definition: DefinitionSource;
  yaml: string;
};

export type DefinitionDiff = {
  version: string;
  now: string;
  previous: {
    namespace: string;
    name: string;
    created: string;
    run_id: string;
    version_id: string | null;
    sha256: string | null;
  } | null;
  same: boolean | null;
  diff: string | null;
  note: string | null;
};

export type StepValue = { where: string; expression: string; value: string | null; why: string | null };

export type StepValues = { version: string; now: string; values: StepValue[]; note: string | null };

export type LogLine = { time: string; message: string };

export type StepLog = { version: string; now: string; lines: LogLine[]; note: string | null };

export type PastDuration = { namespace: string; name: string; created: string; duration: number; state: State };

export type Drift = { state: "in_sync" | "behind" | "edited" | "unknown"; detail: string | null };

export type PipelineRow = {
  cluster: string;
  namespace: string;
  name: string;
  pipeline: string;
  state: State;
  status: string | null;
  reason: string | null;
  remedy: string | null;
  definition: DefinitionSource;
  drift: Drift;
  last: ExecutionRow | null;
  success_rate: number | null;
  ended: number;
  usual_duration: number | null;
  durations: PastDuration[];
  dag_ids: string[];
  arn: string | null;
  console_url: string | null;
};

export type PipelineList = {
  version: string;
  now: string;
  loading: boolean;
  errors: string[];
  items: PipelineRow[];
};

export type Metric = { name: string; value: number };

export type ModelVersion = {
  cluster: string;
  namespace: string;
  name: string;
  uid: string;
  group: string;
  number: number | null;
  state: State;
  status: string | null;
  approval: string | null;
  reason: string | null;
  remedy: string | null;
  metrics: Metric[];
  created: string;
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  arn: string | null;
  console_url: string | null;
  may_edit: boolean;
  execution: { cluster: string; namespace: string; name: string } | null;
  execution_url: string | null;
  endpoints: { namespace: string; endpoint: string }[];
};

export type ModelGroup = { group: string; versions: number; approved: number | null };

export type ModelList = {
  version: string;
  now: string;
  loading: boolean;
  errors: string[];
  total: number;
  items: ModelVersion[];
  counts: Partial<Record<string, number>>;
  groups: ModelGroup[];
};

export type VersionName = { group: string; number: number };

export type RolloutEnd = "Serves" | "RollingOut" | "Replaced" | "Failed" | "Unknown";

export type Rollout = {
  name: string;
  config: string;
  created: string;
  end: RolloutEnd;
  attempt: number | null;
  model: string | null;
  version: VersionName | null;
  former: string | null;
  metrics: Metric[];
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
};

export type Standing =
  | "Updating"
  | "Updated"
  | "RolledBack"
  | "RolledBackSilently"
  | "NoCapacity"
  | "CreationFailed"
  | "Broken"
  | "Replaced"
  | "Refused"
  | "Gone";

export type EndpointRow = {
  cluster: string;
  namespace: string;
  name: string;
  uid: string;
  endpoint: string;
  state: State;
  standing: Standing;
  status: string | null;
  reason: string | null;
  remedy: string | null;
  asked: string;
  serves: string | null;
  model: string | null;
  version: VersionName | null;
  progress: string;
  failure: string | null;
  created: string;
  arn: string | null;
  console_url: string | null;
  rollouts: Rollout[];
  failed: number;
  attempts: number;
};

export type EndpointList = {
  version: string;
  now: string;
  loading: boolean;
  errors: string[];
  total: number;
  items: EndpointRow[];
};

export type ClusterHealth = {
  cluster: string;
  namespace: string;
  controller: "reconciling" | "silent" | "idle" | "unknown";
  last_reconciled: string | null;
  waiting: number;
  waiting_oldest: string | null;
  watch: { state: "live" | "connecting" | "failed"; age: number | null; error: string | null };
  executions: number;
  pipelines: number;
};

export type Health = { version: string; now: string; clusters: ClusterHealth[] };
