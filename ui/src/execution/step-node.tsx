import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import type { KeyboardEvent } from "react";

import type { Step } from "../api/types";
import { Icon } from "../parts/icons";
import { stepLook } from "../parts/states";
import type { Direction } from "./graph-layout";

export type StepNodeData = {
  step: Step;
  direction: Direction;
  selected: boolean;
  /** One node takes part in the order of Tab; the arrow keys go on from it. */
  entry: boolean;
  onSelect: (name: string) => void;
  onMove: (name: string, event: KeyboardEvent) => void;
};

export type StepFlowNode = Node<StepNodeData, "step">;

export const nodeButtonId = (graph: string, step: string) => `${graph}-${step}`;

/** A step: its name, type and status, in words and in colour. */
export const StepNode = ({ data }: NodeProps<StepFlowNode>) => {
  const { step, direction, selected, entry, onSelect, onMove } = data;
  const { label, tone, icon } = stepLook(step.status);
  const [into, outOf] = direction === "LR" ? [Position.Left, Position.Right] : [Position.Top, Position.Bottom];
  return (
    <>
      <Handle type="target" position={into} isConnectable={false} />
      <button
        type="button"
        className="asm-node nodrag nopan"
        data-tone={tone}
        data-step={step.name}
        data-status={step.status ?? "unknown"}
        aria-pressed={selected}
        title={step.display_name ?? step.name}
        tabIndex={entry ? 0 : -1}
        onClick={() => onSelect(step.name)}
        onKeyDown={(event) => onMove(step.name, event)}
      >
        <span className="asm-node-icon">
          <Icon name={icon} />
        </span>
        <span className="asm-node-text">
          <bdi className="asm-strong asm-cut">{step.display_name ?? step.name}</bdi>
          <span className="asm-small asm-cut">
            {step.type} · {label}
          </span>
        </span>
      </button>
      <Handle type="source" position={outOf} isConnectable={false} />
    </>
  );
};
