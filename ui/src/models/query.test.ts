import { expect, test } from "vitest";

import { askFor } from "./query";

test("what is not wanted is not asked for", () => {
  expect(askFor({ text: "", size: 50, page: 1 }, {}).toString()).toBe("limit=50&offset=0");
  const all = askFor({ text: "a b", size: 25, page: 3 }, { dagId: "d", group: "g", approval: "Approved" });
  expect(all.toString()).toBe("dag_id=d&group=g&approval=Approved&search=a+b&limit=25&offset=50");
});
