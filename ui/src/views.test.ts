import { expect, test } from "vitest";

import { toView, viewOf } from "./views";

test("what is no view is the executions", () => {
  expect(viewOf(new URLSearchParams("view=models"))).toBe("models");
  for (const bad of ["", "view=", "view=constructor", "view=Models"]) expect(viewOf(new URLSearchParams(bad))).toBe("executions");
});

test("a search goes with what it is about only", () => {
  const search = new URLSearchParams("q=abalone&page=2&state=Failed");
  expect(toView(search, "pipelines").toString()).toBe("q=abalone&page=2&state=Failed&view=pipelines");
  expect(toView(search, "models", { group: "abalone" }).toString()).toBe("state=Failed&view=models&group=abalone");
  expect(toView(new URLSearchParams("view=models&group=a&q=b"), "executions").toString()).toBe("");
});
