import { expect, test } from "vitest";

import { toggled } from "./selection";

const SHOWN = [5, 4, 3, 2, 1];
const after = (before: number[], id: number, from?: number) => [...toggled(new Set(before), SHOWN, id, from)].sort();

test("a click selects, another one does not", () => {
  expect(after([], 4)).toEqual([4]);
  expect(after([4], 4)).toEqual([]);
});

test("a range is made like the row where it begins, in both directions", () => {
  expect(after([4], 2, 4)).toEqual([2, 3, 4]);
  expect(after([2], 4, 2)).toEqual([2, 3, 4]);
  expect(after([5, 3, 1], 1, 4)).toEqual([5]);
});

test("a range from a row that is not shown any more is one row", () => {
  expect(after([9], 3, 9)).toEqual([3, 9]);
});
