/** Where the steps stand. Depends on the structure alone: a poll that changes a status moves nothing. */

import { Graph, layout } from "@dagrejs/dagre";

import type { Step, StepEdge } from "../api/types";

export const NODE = { width: 216, height: 60 };

export type Direction = "LR" | "TB";

export type Point = { x: number; y: number };

export type Layout = { positions: Map<string, Point>; edges: StepEdge[]; order: string[] };

/** The same text for the same structure. */
export const structureOf = (steps: Pick<Step, "name">[], edges: StepEdge[]): string =>
  JSON.stringify([steps.map(({ name }) => name), edges.map(({ source, target, branch }) => [source, target, branch])]);

/** An edge whose ends are no steps, or that is there twice, is left out: there is nothing to draw. */
const drawable = (names: ReadonlySet<string>, edges: StepEdge[]): StepEdge[] => {
  const seen = new Set<string>();
  return edges.filter(({ source, target }) => {
    const key = JSON.stringify([source, target]);
    if (seen.has(key) || source === target || !names.has(source) || !names.has(target)) return false;
    return !!seen.add(key);
  });
};

export const layOut = (names: string[], edges: StepEdge[], direction: Direction): Layout => {
  const drawn = drawable(new Set(names), edges);
  const graph = new Graph();
  graph.setGraph({ rankdir: direction, nodesep: 28, ranksep: direction === "LR" ? 64 : 44, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of names) graph.setNode(name, { ...NODE });
  for (const { source, target } of drawn) graph.setEdge(source, target);
  layout(graph);
  const positions = new Map<string, Point>();
  for (const name of names) {
    const { x, y } = graph.node(name) as Point;
    positions.set(name, { x: x - NODE.width / 2, y: y - NODE.height / 2 });
  }
  const along = (name: string) => positions.get(name) as Point;
  const [main, cross] = direction === "LR" ? (["x", "y"] as const) : (["y", "x"] as const);
  const order = [...names].sort((a, b) => along(a)[main] - along(b)[main] || along(a)[cross] - along(b)[cross]);
  return { positions, edges: drawn, order };
};
