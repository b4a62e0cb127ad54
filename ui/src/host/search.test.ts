import { expect, test } from "vitest";

import { readAddress, withExecution, withoutExecution } from "../execution/address";
import { changed } from "./search";

test("a change replaces, adds and removes, and leaves the rest", () => {
  const search = new URLSearchParams("state=Failed&state=Stopped&q=x&theirs=1");
  expect(changed(search, { state: ["Succeeded"], q: "", page: "2" }).toString()).toBe("theirs=1&state=Succeeded&page=2");
  expect(search.getAll("state")).toEqual(["Failed", "Stopped"]);
});

test("the way to an execution and back keeps the list's filters", () => {
  const list = new URLSearchParams("q=abalone&page=3");
  const one = withExecution(list, { cluster: "kubernetes_default", namespace: "ml", name: "abalone-1" });
  expect(readAddress(one)).toEqual({ cluster: "kubernetes_default", namespace: "ml", name: "abalone-1" });
  expect(withoutExecution(one).toString()).toBe(list.toString());
});

test("what is no execution's address is none", () => {
  for (const bad of ["", "execution=", "execution=ml", "execution=ml/", "execution=a/b/c"])
    expect(readAddress(new URLSearchParams(bad))).toBeNull();
});
