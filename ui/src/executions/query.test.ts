import { expect, test } from "vitest";

import { askFor, nextSort, readShown } from "./query";

test("the URL says what is shown", () => {
  const shown = readShown(new URLSearchParams("state=Failed&state=Stopped&q=x&sort=pipeline&size=100&page=3"));
  expect(askFor(shown, {}).toString()).toBe("state=Failed&state=Stopped&search=x&sort=pipeline&limit=100&offset=200");
});

test("nonsense in the URL is as if it were not there", () => {
  const shown = readShown(new URLSearchParams("sort=-name;drop&size=7&page=-1"));
  expect(askFor(shown, {}).toString()).toBe("sort=-created&limit=50&offset=0");
});

test("the tab's own DAG, run and task outrank the URL", () => {
  const shown = readShown(new URLSearchParams("dag=other"));
  const query = askFor(shown, { dagId: "retrain", runId: "r", taskId: "t", mapIndex: "-1" });
  expect(query.toString()).toBe("dag_id=retrain&run_id=r&task_id=t&map_index=-1&sort=-created&limit=50&offset=0");
});

test("a second click on a column turns its order", () => {
  expect(nextSort({ sort: "created", descending: true }, "created")).toBe("created");
  expect(nextSort({ sort: "created", descending: true }, "pipeline")).toBe("pipeline");
  expect(nextSort({ sort: "pipeline", descending: false }, "duration")).toBe("-duration");
});
