import { useCallback, useRef } from "react";

import type { ExecutionKey } from "../api/queries";
import type { StepGraph } from "../api/types";
import { useSearch } from "../host/search";
import { Panel } from "../parts/facts";
import { Empty } from "../parts/messages";
import { useWidth } from "../parts/width";
import { Graph } from "./graph";
import { StepDetails } from "./step-details";
import { StepList } from "./step-list";

const NARROW = 560;

/** The steps as graph or list, and the details of the one that was chosen. */
export const Steps = ({ graph, address }: { graph: StepGraph; address: ExecutionKey }) => {
  const [search, change] = useSearch();
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const { steps, edges, note, steps_note } = graph;
  const asList = search.has("steps") ? search.get("steps") === "list" : width > 0 && width < NARROW;
  const selected = search.get("step");
  const chosen = steps.find(({ name }) => name === selected);
  // Never another function, or all nodes of the graph would be drawn anew.
  const latest = useRef(change);
  latest.current = change;
  const select = useCallback((name: string | null) => latest.current({ step: name }), []);

  return (
    <Panel
      title="Steps"
      className="asm-wide"
      aside={
        steps.length > 0 && (
          <div className="asm-segments" role="group" aria-label="Show the steps as">
            <button type="button" aria-pressed={!asList} onClick={() => change({ steps: "graph" })}>
              Graph
            </button>
            <button type="button" aria-pressed={asList} onClick={() => change({ steps: "list" })}>
              List
            </button>
          </div>
        )
      }
    >
      <div ref={frame} className="asm-stack">
        {[note, steps_note].filter(Boolean).map((each) => (
          <p key={each} dir="auto" className="asm-muted asm-wrap">
            {each}
          </p>
        ))}
        {steps.length === 0 && <Empty title="No steps to show" />}
        {steps.length > 0 && width > 0 && !asList && (
          <Graph
            steps={steps}
            edges={edges}
            width={width}
            selected={chosen ? selected : null}
            onSelect={select}
          />
        )}
        {steps.length > 0 && asList && <StepList steps={steps} selected={selected} onSelect={select} />}
        {chosen && <StepDetails step={chosen} address={address} onClose={() => select(null)} />}
      </div>
    </Panel>
  );
};
