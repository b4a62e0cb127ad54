import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";

import { pathAlong, type Direction, type Point } from "./graph-layout";

export type StepFlowEdge = Edge<{ points: Point[]; at: Point; direction: Direction }, "step">;

/** An edge on the way that the layout has found for it, so that none runs through a step. */
export const StepEdge = ({ data, markerEnd, label }: EdgeProps<StepFlowEdge>) =>
  data && (
    <BaseEdge
      path={pathAlong(data.points, data.direction)}
      markerEnd={markerEnd}
      label={label}
      labelX={data.at.x}
      labelY={data.at.y}
      labelBgPadding={[6, 3]}
      labelBgBorderRadius={4}
    />
  );
