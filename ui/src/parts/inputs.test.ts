import { expect, test } from "vitest";

import { heard } from "./inputs";

test("what the URL says late is what was told before, not what is to be typed", () => {
  expect(heard(["", "mod", "mode"], "mod")).toEqual(["mod", "mode"]);
  expect(heard(["mod", "mode"], "mode")).toEqual(["mode"]);
});

test("what nobody has told comes from elsewhere", () => {
  expect(heard(["mode"], "")).toBeNull();
  expect(heard([""], "model")).toBeNull();
});
