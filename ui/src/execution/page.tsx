import { useEffect, useRef } from "react";

import { ApiError } from "../api/client";
import { useExecution, type ExecutionKey } from "../api/queries";
import { Alert, Failure, Spinner } from "../parts/messages";
import { useKept } from "../parts/kept";
import { Definition } from "./definition";
import { Header } from "./header";
import { Manifest } from "./manifest";
import { Parameters } from "./parameters";
import { Steps } from "./steps";
import { Timeline } from "./timeline";
import { Why } from "./why";

/** One execution, live. */
export const Execution = ({ address, onItsTab = false }: { address: ExecutionKey; onItsTab?: boolean }) => {
  const { data, error } = useExecution(address);
  if (!data) return error ? <Failure error={error} /> : <Spinner />;
  const gone = error instanceof ApiError && error.status === 404;
  const { execution } = data;
  const here = { cluster: execution.cluster, namespace: execution.namespace, name: execution.name };
  return (
    <article className="asm-stack" aria-label={`Execution ${execution.name}`}>
      {gone && (
        <Alert kind="info" title="It is no longer in the cluster">
          The resource was deleted: it was stopped, or collected after its end. This is what was last known of it;
          SageMaker keeps the rest.
        </Alert>
      )}
      {error && !gone && <Failure error={error} />}
      <Told key={execution.uid} uid={execution.uid} />
      <Header detail={data} gone={gone} onItsTab={onItsTab} />
      <Why execution={execution} steps={data.graph.steps} />
      <div className="asm-grid">
        <Steps graph={data.graph} address={here} />
        <Parameters parameters={data.parameters} />
        <Timeline entries={data.timeline} />
        <Definition definition={data.definition} address={here} />
        <Manifest yaml={data.yaml} id={execution.uid} />
      </div>
    </article>
  );
};

/** What became of the user's last action. */
const Told = ({ uid }: { uid: string }) => {
  const [told] = useKept<string | null>(`done:${uid}`, null);
  const focused = useRef<HTMLDivElement>(null);
  const before = useRef(told);
  useEffect(() => {
    // The button that did it may be gone with the state it was for.
    if (told !== before.current) focused.current?.focus();
    before.current = told;
  }, [told]);
  return (
    <div role="status" tabIndex={-1} ref={focused}>
      {told && <Alert kind="info">{told}</Alert>}
    </div>
  );
};
