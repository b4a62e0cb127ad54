import { expect, test } from "vitest";

import { approvalLook, endLook, hasEnded, labelOf, lookOf, standingLook, stepLook } from "./states";

test("SageMaker's own word while it runs, ours for the end", () => {
  expect(labelOf({ state: "InProgress", status: "Executing" })).toBe("Executing");
  expect(labelOf({ state: "InProgress", status: null })).toBe("Executing");
  expect(labelOf({ state: "Deleting", status: "Executing" })).toBe("Stopping");
  expect(labelOf({ state: "Failed", status: "CompletedWithFailures" })).toBe("Failed");
});

test("a state of a newer server is shown as it is", () => {
  expect(lookOf("Paused")).toMatchObject({ label: "Paused", tone: "none" });
  expect(lookOf("constructor").label).toBe("constructor");
  expect(stepLook("Dreaming").label).toBe("Dreaming");
  expect(stepLook(null).label).toBe("Not known");
  expect(hasEnded("Refused")).toBe(true);
  expect(hasEnded("Retrying")).toBe(false);
});

test("nothing but Approved looks approved", () => {
  expect(approvalLook("Approved").tone).toBe("success");
  for (const other of ["approved", "Approved ", "PendingManualApproval", "Rejected", null])
    expect(approvalLook(other).tone).not.toBe("success");
  expect(approvalLook(null).label).toBe("Not decided");
});

test("a rollback does not look like a success", () => {
  expect(standingLook("RolledBack")).toMatchObject({ label: "Rolled back", tone: "failed" });
  expect(standingLook("Someday").tone).toBe("none");
  expect(endLook("Serves").tone).toBe("success");
});
