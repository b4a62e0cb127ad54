import { expect, test } from "vitest";

import { detailOf } from "./client";

test("an error's words are the server's", () => {
  expect(detailOf({ detail: "It has ended already." })).toBe("It has ended already.");
  expect(detailOf({ detail: [{ msg: "limit is too large" }, { msg: "sort is unknown" }] })).toBe(
    "limit is too large; sort is unknown",
  );
  expect(detailOf({ detail: {} })).toBeNull();
  expect(detailOf(null)).toBeNull();
  expect(detailOf("<html>")).toBeNull();
});
