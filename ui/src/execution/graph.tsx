import {
  Background,
  MarkerType,
  MiniMap,
  Panel,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, type KeyboardEvent } from "react";

import type { Step, StepEdge } from "../api/types";
import { useColorMode } from "../host/color-mode";
import { stepLook } from "../parts/states";
import { Icon } from "../parts/icons";
import { layOutFor, NODE, structureOf, zoomFor } from "./graph-layout";
import { StepEdge as Line, type StepFlowEdge } from "./step-edge";
import { StepNode, type StepFlowNode, type StepNodeData } from "./step-node";

type Props = {
  steps: Step[];
  edges: StepEdge[];
  /** Of the place for it, in CSS pixels. */
  width: number;
  selected: string | null;
  onSelect: (name: string | null) => void;
};

const NODE_TYPES = { step: StepNode };
const EDGE_TYPES = { step: Line };
// The buttons stand at the left.
const ROOM = { left: 60, right: 20, top: 20, bottom: 20 };
const FIT = { padding: { left: "60px", right: "20px", top: "20px", bottom: "20px" }, maxZoom: 1 } as const;
/** Below this nobody can read a step. */
const READABLE = 0.4;
const MANY = 40;
const MIN_HEIGHT = 180;
const MAX_HEIGHT = 540;
const NEXT = new Set(["ArrowDown", "ArrowRight"]);
const PREVIOUS = new Set(["ArrowUp", "ArrowLeft"]);

const isBad = ({ status }: Step) => status === "Failed";
const isBusy = ({ status }: Step) => status === "Executing" || status === "Starting";
const colourOf = ({ data }: StepFlowNode) => `var(--solid-${stepLook(data.step.status).tone})`;

const ORIGIN = { x: 0, y: 0 };
const sameData = (one: StepNodeData, other: StepNodeData) =>
  (Object.keys(one) as (keyof StepNodeData)[]).every((key) => one[key] === other[key]);

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const Flow = ({ steps, edges, width, selected, onSelect }: Props) => {
  const colorMode = useColorMode();
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const structure = structureOf(steps, edges);
  const place = { width: Math.max(1, width - ROOM.left - ROOM.right), height: MAX_HEIGHT - ROOM.top - ROOM.bottom };
  const laid = useMemo(
    () => layOutFor(steps.map(({ name }) => name), edges, place),
    // The structure is what `steps` and `edges` say about it.
    // oxlint-disable-next-line exhaustive-deps
    [structure, place.width],
  );
  const { direction } = laid;

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
      else if (event.key === "Escape") onSelect(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
      if (to !== undefined) focus(to);
    },
    [laid, focus, onSelect],
  );

  const entry = selected !== null && laid.positions.has(selected) ? selected : laid.order[0];
  // A node that is as it was stays the same object, so that only what has changed is drawn anew.
  const drawn = useRef(new Map<string, StepFlowNode>());
  const nodes = useMemo<StepFlowNode[]>(() => {
    const before = drawn.current;
    const now = steps.map((step) => {
      const position = laid.positions.get(step.name) ?? ORIGIN;
      const data = {
        step,
        direction,
        selected: step.name === selected,
        entry: step.name === entry,
        onSelect,
        onMove,
      };
      const known = before.get(step.name);
      return known?.position === position && sameData(known.data, data)
        ? known
        : ({ id: step.name, type: "step", position, width: NODE.width, height: NODE.height, data } as const);
    });
    drawn.current = new Map(now.map((node) => [node.id, node]));
    return now;
  }, [steps, laid, direction, selected, entry, onSelect, onMove]);

  const status = useMemo(() => new Map(steps.map(({ name, status: now }) => [name, now])), [steps]);
  const lines = useMemo<StepFlowEdge[]>(
    () =>
      laid.edges.map(({ id, source, target, branch, points, label }) => {
        const now = status.get(target);
        return {
          id,
          source,
          target,
          type: "step",
          data: { points, at: label, direction },
          label: branch === null ? undefined : branch === "if" ? "true" : "false",
          animated: now === "Executing" || now === "Starting",
          className: now === "Skipped" ? "asm-untaken" : undefined,
          markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
        };
      }),
    [laid, status, direction],
  );

  // As high as the graph needs, within reason.
  const fitting = zoomFor(laid, place);
  const needed = Math.round(laid.height * Math.min(1, place.width / laid.width)) + ROOM.top + ROOM.bottom;
  const height = fitting < READABLE ? MAX_HEIGHT : Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, needed));

  // Another structure, or another shape of the window: show all of it, or what matters most where all is too much.
  const foremost = useRef<string | undefined>(undefined);
  foremost.current = (steps.find(isBad) ?? steps.find(isBusy))?.name ?? laid.order[0];
  useEffect(() => {
    const timer = setTimeout(() => {
      const at = laid.positions.get(foremost.current ?? "");
      if (fitting >= READABLE || !at) void flow.fitView(FIT);
      else void flow.setCenter(at.x + NODE.width / 2, at.y + NODE.height / 2, { zoom: 0.7 });
    }, 50);
    return () => clearTimeout(timer);
  }, [flow, laid, fitting, height]);

  return (
    <div
      ref={frame}
      className="asm-flow"
      style={{ blockSize: height }}
      role="group"
      aria-label="Step graph; the arrow keys go from step to step"
    >
      <ReactFlow
        nodes={nodes}
        edges={lines}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        colorMode={colorMode}
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
        <ZoomControls />
        {steps.length > MANY && <MiniMap pannable nodeColor={colourOf} ariaLabel="Overview of the graph" />}
      </ReactFlow>
    </div>
  );
};

const ZoomControls = () => {
  const { zoomIn, zoomOut, fitView } = useReactFlow();
  const slowly = () => ({ duration: calm() ? 0 : 150 });
  return (
    <Panel position="bottom-left">
      <div className="asm-zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" onClick={() => void zoomIn(slowly())}>
          <Icon name="plus" />
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => void zoomOut(slowly())}>
          <Icon name="minus" />
        </button>
        <button type="button" aria-label="Show the whole graph" onClick={() => void fitView({ ...FIT, ...slowly() })}>
          <Icon name="whole" />
        </button>
      </div>
    </Panel>
  );
};

/** The steps as a graph: colour, drawing and word say the status of each. */
export const Graph = (props: Props) => (
  <ReactFlowProvider>
    <Flow {...props} />
  </ReactFlowProvider>
);
