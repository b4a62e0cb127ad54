import { expect, test } from "vitest";

import { readDiff } from "./diff-lines";

test("lines of a unified diff, also those that look like its header", () => {
  const diff = "--- before\n+++ after\n@@ -1,3 +1,3 @@\n {\n--- dashes\n+++ pluses\n }\n";
  expect(readDiff(diff).map(({ kind }) => kind)).toEqual(["place", "place", "place", "same", "removed", "added", "same"]);
});
