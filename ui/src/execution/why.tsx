import type { ReactNode } from "react";

import type { ExecutionRow, Step } from "../api/types";
import { useSearch } from "../host/search";
import { Name } from "../parts/text";

const MOST = 5;

/** Why it is as it is, and what a person can do. SageMaker says of a pipeline only that steps failed, so they speak, too. */
export const Why = ({ execution, steps }: { execution: ExecutionRow; steps: Step[] }) => {
  const { state, reason, remedy } = execution;
  const failed = steps.filter(({ status }) => status === "Failed");
  if (!reason && !remedy && failed.length === 0) return null;
  const bad = state === "Failed" || state === "Refused";
  return (
    <div className="asm-alert" data-kind={bad ? "error" : "warning"}>
      <div className="asm-stack">
        {(reason || failed.length > 0) && (
          <Part title={bad ? "Why it failed" : "Reason"}>
            {reason && <Said>{reason}</Said>}
            {failed.slice(0, MOST).map((step) => (
              <FailedStep key={step.name} step={step} />
            ))}
            {failed.length > MOST && <p className="asm-muted">and {failed.length - MOST} more steps</p>}
          </Part>
        )}
        {remedy && (
          <Part title="What to do">
            <Said>{remedy}</Said>
          </Part>
        )}
      </div>
    </div>
  );
};

const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <div>
    <h3>{title}</h3>
    {children}
  </div>
);

const Said = ({ children }: { children: string }) => (
  <p dir="auto" className="asm-wrap">
    {children}
  </p>
);

const FailedStep = ({ step }: { step: Step }) => {
  const [, change] = useSearch();
  return (
    <p>
      <button type="button" className="asm-link" onClick={() => change({ step: step.name })}>
        <Name>{step.display_name ?? step.name}</Name>
      </button>
      {step.reason ? ": " : " failed"}
      {step.reason && (
        <bdi dir="auto" className="asm-wrap">
          {step.reason}
        </bdi>
      )}
    </p>
  );
};
