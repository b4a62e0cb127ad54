import { expect, test } from "vitest";

import type { StepEdge } from "../api/types";
import { layOut, layOutFor, NODE, pathAlong, structureOf } from "./graph-layout";

const edge = (source: string, target: string, branch: StepEdge["branch"] = null): StepEdge => ({ source, target, branch });

const EDGES = [edge("Prepare", "Train"), edge("Train", "Check"), edge("Check", "Register", "if"), edge("Check", "Fail", "else")];
const NAMES = ["Fail", "Register", "Check", "Train", "Prepare"];

test("steps stand after what they wait for, and do not overlap", () => {
  for (const direction of ["LR", "TB"] as const) {
    const { positions, order } = layOut(NAMES, EDGES, direction);
    expect(order.slice(0, 3)).toEqual(["Prepare", "Train", "Check"]);
    const all = [...positions.values()];
    for (const [at, one] of all.entries())
      for (const other of all.slice(at + 1))
        expect(Math.abs(one.x - other.x) >= NODE.width || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
  }
});

test("edges to nowhere, to itself and twice are left out; names may be anything", () => {
  const { edges } = layOut(
    ["a", "__proto__", "constructor"],
    [edge("a", "gone"), edge("a", "a"), edge("a", "__proto__"), edge("a", "__proto__"), edge("a", "constructor")],
    "LR",
  );
  expect(edges.map(({ target }) => target)).toEqual(["__proto__", "constructor"]);
  expect(new Set(edges.map(({ id }) => id)).size).toBe(2);
});

test("the structure is the same while only statuses change", () => {
  const steps = NAMES.map((name) => ({ name }));
  expect(structureOf(steps, EDGES)).toBe(structureOf(steps.map((step) => ({ ...step, status: "Failed" })), [...EDGES]));
  expect(structureOf(steps, EDGES)).not.toBe(structureOf(steps, EDGES.slice(1)));
});

test("hundreds of steps are laid out while one waits for the page", () => {
  const names = Array.from({ length: 400 }, (_, at) => `step-${at}`);
  const edges = names.slice(1).map((name, at) => edge(names[Math.floor(at / 3)] as string, name));
  const { positions, width, height } = layOut(names, edges, "LR");
  expect(positions.size).toBe(400);
  expect(width).toBeGreaterThan(NODE.width);
  expect(height).toBeGreaterThan(NODE.height);
});

test("where it is narrow, the graph goes down", () => {
  expect(layOutFor(NAMES, EDGES, { width: 1200, height: 500 }).direction).toBe("LR");
  expect(layOutFor(NAMES, EDGES, { width: 500, height: 500 }).direction).toBe("TB");
});

test("a path leaves and arrives straight", () => {
  expect(pathAlong([{ x: 0, y: 0 }, { x: 10, y: 20 }], "LR")).toBe("M0,0C5,0 5,20 10,20");
  expect(pathAlong([{ x: 0, y: 0 }, { x: 10, y: 20 }], "TB")).toBe("M0,0C0,10 10,10 10,20");
  expect(pathAlong([], "LR")).toBe("");
});
