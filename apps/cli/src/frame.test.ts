import { expect, test } from "vitest";
import { frameText } from "./frame.js";

/** What escapes do, by names. */
function named(frame: string): string {
  return frame
    .replaceAll("\u001b[2J", "<clear>")
    .replaceAll("\u001b[H", "<home>")
    .replaceAll("\u001b[K", "<rest>")
    .replaceAll("\u001b[J", "<below>")
    .replaceAll("\u001b[?7l", "<cut>")
    .replaceAll("\u001b[?7h", "<wrap>");
}

test("the first frame clears the screen, the next ones write over it", () => {
  const bounds = { rows: 24 };
  expect(named(frameText("a\nb\n", { ...bounds, isFirst: true }))).toBe(
    "<clear><cut><home>a<rest>\nb<rest>\n<below><wrap>",
  );
  expect(named(frameText("c\n", { ...bounds, isFirst: false }))).toBe(
    "<cut><home>c<rest>\n<below><wrap>",
  );
});

test.each([
  [4, "1\n2\n3"],
  [3, "1\n… 2 more lines; a taller terminal shows them"],
  [2, "… 3 more lines; a taller terminal shows them"],
  [1, "… 3 more lines; a taller terminal shows them"],
  [0, "1\n2\n3"],
  [undefined, "1\n2\n3"],
])("on a terminal of %j lines three lines are shown so that nothing scrolls", (rows, shown) => {
  const frame = named(frameText("1\n2\n3\n", { isFirst: false, rows }));
  expect(frame.replaceAll(/<\w+>/g, "")).toBe(`${shown}\n`);
});
