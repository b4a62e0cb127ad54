/** The lines of a unified diff, by what they say. */

export type DiffLine = { kind: "added" | "removed" | "place" | "same"; text: string };

export const readDiff = (diff: string): DiffLine[] => {
  const lines = diff.split("\n");
  if (lines.at(-1) === "") lines.pop();
  let inside = false;
  return lines.map((text) => {
    if (text.startsWith("@@")) {
      inside = true;
      return { kind: "place", text };
    }
    // "---" and "+++" before the first hunk name the files; within one they are removed and added lines.
    if (!inside) return { kind: "place", text };
    if (text.startsWith("+")) return { kind: "added", text };
    if (text.startsWith("-")) return { kind: "removed", text };
    return { kind: "same", text };
  });
};
