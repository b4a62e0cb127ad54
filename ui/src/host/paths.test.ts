import { expect, test } from "vitest";

import { externalUrl, taskPath } from "./paths";

test("every part of a path is encoded", () => {
  expect(taskPath("a/b", "scheduled__2026-03-01T00:00:00+00:00", "group.task?x#y", -1)).toBe(
    "/dags/a%2Fb/runs/scheduled__2026-03-01T00%3A00%3A00%2B00%3A00/tasks/group.task%3Fx%23y",
  );
  expect(taskPath("d", "r", "t", 0)).toBe("/dags/d/runs/r/tasks/t/mapped/0");
});

test("only HTTP becomes a link", () => {
  expect(externalUrl("https://eu-west-1.console.aws.amazon.com/sagemaker")).toBe(
    "https://eu-west-1.console.aws.amazon.com/sagemaker",
  );
  for (const bad of ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//elsewhere", "", null])
    expect(externalUrl(bad)).toBeNull();
});
