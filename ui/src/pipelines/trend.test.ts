import { expect, test } from "vitest";

import { describe, stepOf } from "./trend";

test("the chart in words", () => {
  const past = (duration: number) => ({ namespace: "ml", name: "x", created: "", duration, state: "Succeeded" as const });
  expect(describe([past(60), past(180), past(120)], 100)).toBe(
    "Durations of the last 3 runs: from 00:01:00 to 00:03:00, the last 00:02:00 (Succeeded), usually 00:01:40.",
  );
  expect(describe([], null)).toBe("No run has ended yet.");
});

test("the axis has few and round lines", () => {
  expect([3, 100, 1260, 90_000, 4_000_000].map(stepOf)).toEqual([1, 30, 600, 43_200, 1_036_800]);
});
