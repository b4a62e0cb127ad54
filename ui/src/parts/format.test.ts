import { expect, test } from "vitest";

import { formatAge, formatDuration, formatMetric, formatRunning, formatTime, plural } from "./format";

test("durations are written as Airflow writes them", () => {
  expect(formatDuration(4.2)).toBe("4.20s");
  expect(formatDuration(272)).toBe("00:04:32");
  expect(formatDuration(86_399.9)).toBe("23:59:59");
  expect(formatDuration(2 * 86_400 + 3 * 3600)).toBe("2d03:00:00");
  expect(formatDuration(0)).toBe("00:00:00");
  expect(formatDuration(Number.NaN)).toBe("00:00:00");
});

test("a running duration has no fractions, and never a sign", () => {
  expect(formatRunning(3.9)).toBe("00:00:03");
  expect(formatRunning(-2)).toBe("00:00:00");
});

test("times are written in the chosen time zone", () => {
  expect(formatTime("2026-03-01T12:00:00Z", "UTC")).toBe("2026-03-01 12:00:00");
  expect(formatTime("2026-03-01T23:30:00Z", "Asia/Tokyo")).toBe("2026-03-02 08:30:00");
  expect(formatTime("soon", "UTC")).toBe("soon");
});

test("ages are rough", () => {
  expect([3, 89, 90, 5400, 130_000, -4].map(formatAge)).toEqual(["3 s", "89 s", "2 min", "2 h", "2 d", "0 s"]);
});

test("one and many", () => {
  expect(plural(1, "execution")).toBe("1 execution");
  expect(plural(10_000, "execution")).toBe("10,000 executions");
});

test("a metric keeps its size", () => {
  expect([0, 4.4242424242, 0.0000123456789, 123456789, -1].map(formatMetric)).toEqual([
    "0",
    "4.42424",
    "0.0000123457",
    "123457000",
    "-1",
  ]);
});
