/** Where the steps stand. Depends on the structure alone: a poll that changes a status moves nothing. */

import { Graph, layout } from "@dagrejs/dagre";

import type { Step, StepEdge } from "../api/types";

export const NODE = { width: 236, height: 60 };
const LABEL = { width: 40, height: 20 };

export type Direction = "LR" | "TB";

export type Point = { x: number; y: number };

export type LaidEdge = StepEdge & {
  id: string;
  /** The way past the steps in between, from border to border. */
  points: Point[];
  label: Point;
};

export type Layout = {
  direction: Direction;
  positions: Map<string, Point>;
  edges: LaidEdge[];
  /** The names as one would read the graph. */
  order: string[];
  width: number;
  height: number;
};

/** The same text for the same structure. */
export const structureOf = (steps: Pick<Step, "name">[], edges: StepEdge[]): string =>
  JSON.stringify([steps.map(({ name }) => name), edges.map(({ source, target, branch }) => [source, target, branch])]);

const idOf = ({ source, target }: StepEdge): string => JSON.stringify([source, target]);

/** An edge whose ends are no steps, or that is there twice, is left out: there is nothing to draw. */
const drawable = (names: ReadonlySet<string>, edges: StepEdge[]): StepEdge[] => {
  const seen = new Set<string>();
  return edges.filter((edge) => {
    const { source, target } = edge;
    const id = idOf(edge);
    if (seen.has(id) || source === target || !names.has(source) || !names.has(target)) return false;
    return !!seen.add(id);
  });
};

export const layOut = (names: string[], edges: StepEdge[], direction: Direction): Layout => {
  const drawn = drawable(new Set(names), edges);
  // Numbers in place of names: the library keeps nodes in plain objects, where "constructor" is there already.
  const ids = new Map(names.map((name, at) => [name, `${at}:`]));
  const idFor = (name: string) => ids.get(name) as string;
  const graph = new Graph();
  graph.setGraph({ rankdir: direction, nodesep: 28, edgesep: 14, ranksep: direction === "LR" ? 56 : 40 });
  for (const name of names) graph.setNode(idFor(name), { ...NODE });
  for (const { source, target, branch } of drawn)
    graph.setEdge(idFor(source), idFor(target), branch === null ? {} : { ...LABEL, labelpos: "c" });
  layout(graph);
  const positions = new Map<string, Point>();
  for (const name of names) {
    const { x, y } = graph.node(idFor(name)) as Point;
    positions.set(name, { x: x - NODE.width / 2, y: y - NODE.height / 2 });
  }
  const along = (name: string) => positions.get(name) as Point;
  const [main, cross] = direction === "LR" ? (["x", "y"] as const) : (["y", "x"] as const);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    direction,
    positions,
    edges: drawn.map((edge) => {
      const { points, x = 0, y = 0 } = graph.edge(idFor(edge.source), idFor(edge.target)) as Partial<Point> & { points: Point[] };
      // From the middle of one side to the middle of the other: branches leave a condition at one point.
      const ends = [outOf(along(edge.source), direction), into(along(edge.target), direction)] as const;
      return { ...edge, id: idOf(edge), points: [ends[0], ...points.slice(1, -1), ends[1]], label: { x, y } };
    }),
    order: [...names].sort((a, b) => along(a)[main] - along(b)[main] || along(a)[cross] - along(b)[cross]),
    width,
    height,
  };
};

type Size = { width: number; height: number };

/** How much a graph has to shrink to fit; 1: not at all. */
export const zoomFor = (graph: Size, place: Size): number =>
  Math.min(1, place.width / graph.width, place.height / graph.height);

/** From left to right as Airflow draws, unless it is better to read from top to bottom in this place. */
export const layOutFor = (names: string[], edges: StepEdge[], place: Size): Layout => {
  const across = layOut(names, edges, "LR");
  if (zoomFor(across, place) > 0.8) return across;
  const down = layOut(names, edges, "TB");
  return zoomFor(down, place) > zoomFor(across, place) ? down : across;
};

const outOf = ({ x, y }: Point, direction: Direction): Point =>
  direction === "LR" ? { x: x + NODE.width, y: y + NODE.height / 2 } : { x: x + NODE.width / 2, y: y + NODE.height };

const into = ({ x, y }: Point, direction: Direction): Point =>
  direction === "LR" ? { x, y: y + NODE.height / 2 } : { x: x + NODE.width / 2, y };

/** An SVG path along the points: it leaves and arrives straight along the main direction, and bends in between. */
export const pathAlong = (points: Point[], direction: Direction): string => {
  let path = "";
  for (const [at, to] of points.entries()) {
    const from = points[at - 1];
    if (!from) path = `M${to.x},${to.y}`;
    else if (direction === "LR") path += `C${(from.x + to.x) / 2},${from.y} ${(from.x + to.x) / 2},${to.y} ${to.x},${to.y}`;
    else path += `C${from.x},${(from.y + to.y) / 2} ${to.x},${(from.y + to.y) / 2} ${to.x},${to.y}`;
  }
  return path;
};
