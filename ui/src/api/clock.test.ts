import { beforeEach, expect, test } from "vitest";

import { forget, learn, serverNow } from "./clock";

beforeEach(forget);

const at = (time: string) => Date.parse(time);

test("the server's clock counts, not the browser's", () => {
  learn("2026-03-01T12:00:00Z", at("2026-03-01T09:00:00Z"));
  expect(serverNow(at("2026-03-01T09:00:10Z"))).toBe(at("2026-03-01T12:00:10Z"));
});

test("an answer that the browser had cached does not turn the clock back", () => {
  learn("2026-03-01T12:00:00Z", at("2026-03-01T12:00:00Z"));
  learn("2026-03-01T12:00:00Z", at("2026-03-01T12:05:00Z"));
  expect(serverNow(at("2026-03-01T12:05:00Z"))).toBe(at("2026-03-01T12:05:00Z"));
});

test("what is no time is not learned", () => {
  learn("soon");
  expect(serverNow(5)).toBe(5);
});
