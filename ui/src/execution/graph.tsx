import {
  Background,
  Controls,
  MarkerType,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Edge,
} from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, type KeyboardEvent } from "react";

import type { Step, StepEdge } from "../api/types";
import { useColorMode } from "../host/color-mode";
import { layOut, NODE, structureOf, type Direction } from "./graph-layout";
import { StepNode, type StepFlowNode } from "./step-node";

type Props = {
  steps: Step[];
  edges: StepEdge[];
  direction: Direction;
  selected: string | null;
  onSelect: (name: string | null) => void;
};

const NODE_TYPES = { step: StepNode };
const FIT = { padding: 0.12, maxZoom: 1.1, minZoom: 0.1 };
const NEXT = new Set(["ArrowDown", "ArrowRight"]);
const PREVIOUS = new Set(["ArrowUp", "ArrowLeft"]);

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const Flow = ({ steps, edges, direction, selected, onSelect }: Props) => {
  const colorMode = useColorMode();
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const structure = structureOf(steps, edges);
  const laid = useMemo(
    () => layOut(steps.map(({ name }) => name), edges, direction),
    // The structure is what `steps` and `edges` say about it.
    // oxlint-disable-next-line exhaustive-deps
    [structure, direction],
  );

  const focus = useCallback(
    (name: string) => {
      const at = laid.positions.get(name);
      const button = [...(frame.current?.querySelectorAll<HTMLElement>("[data-step]") ?? [])].find(
        (each) => each.dataset.step === name,
      );
      button?.focus({ preventScroll: true });
      if (!at) return;
      const zoom = Math.max(flow.getZoom(), 0.7);
      void flow.setCenter(at.x + NODE.width / 2, at.y + NODE.height / 2, { zoom, duration: calm() ? 0 : 200 });
    },
    [flow, laid],
  );

  const onMove = useCallback(
    (name: string, event: KeyboardEvent) => {
      const { order } = laid;
      const at = order.indexOf(name);
      let to: string | undefined;
      if (NEXT.has(event.key)) to = order[at + 1];
      else if (PREVIOUS.has(event.key)) to = order[at - 1];
      else if (event.key === "Home") to = order[0];
      else if (event.key === "End") to = order.at(-1);
      else if (event.key === "Escape" && selected !== null) onSelect(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
      if (to !== undefined) focus(to);
    },
    [laid, focus, onSelect, selected],
  );

  const entry = selected !== null && laid.positions.has(selected) ? selected : laid.order[0];
  const nodes = useMemo<StepFlowNode[]>(
    () =>
      steps.map((step) => ({
        id: step.name,
        type: "step",
        position: laid.positions.get(step.name) ?? { x: 0, y: 0 },
        width: NODE.width,
        height: NODE.height,
        data: {
          step,
          direction,
          selected: step.name === selected,
          entry: step.name === entry,
          onSelect,
          onMove,
        },
      })),
    [steps, laid, direction, selected, entry, onSelect, onMove],
  );

  const status = useMemo(() => new Map(steps.map(({ name, status: now }) => [name, now])), [steps]);
  const lines = useMemo<Edge[]>(
    () =>
      laid.edges.map(({ source, target, branch }) => {
        const now = status.get(target);
        return {
          id: JSON.stringify([source, target]),
          source,
          target,
          type: "smoothstep",
          label: branch === null ? undefined : branch === "if" ? "true" : "false",
          labelBgPadding: [6, 3],
          labelBgBorderRadius: 4,
          animated: now === "Executing" || now === "Starting",
          className: now === "Skipped" ? "asm-untaken" : undefined,
          markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
        };
      }),
    [laid, status],
  );

  // Another structure, or another shape of the window: show all of it.
  useEffect(() => {
    const timer = setTimeout(() => void flow.fitView(FIT), 0);
    return () => clearTimeout(timer);
  }, [flow, laid]);

  return (
    <div ref={frame} className="asm-flow" role="group" aria-label="Step graph; the arrow keys go from step to step">
      <ReactFlow
        nodes={nodes}
        edges={lines}
        nodeTypes={NODE_TYPES}
        colorMode={colorMode}
        fitView
        fitViewOptions={FIT}
        minZoom={0.05}
        maxZoom={1.75}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        zoomOnScroll={false}
        onPaneClick={() => onSelect(null)}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={20} />
        <Controls showInteractive={false} fitViewOptions={FIT} />
      </ReactFlow>
    </div>
  );
};

/** The steps as a graph: colour, drawing and word say the status of each. */
export const Graph = (props: Props) => (
  <ReactFlowProvider>
    <Flow {...props} />
  </ReactFlowProvider>
);
