import { expect, test } from "vitest";

import type { Segment } from "@/api/segments";

import { matchesOf, MAX_MATCHES } from "./matches";

const segment = (text: string) => ({ text }) as Segment;
const places = (texts: string[], query: string) => matchesOf(texts.map(segment), query).map(({ start, end }) => [start, end]);

test("matches ignore the case and do not overlap", () => {
  expect(places(["Aha! ahaha", "no", "AHA"], "aha")).toEqual([
    [0, 3],
    [5, 8],
    [0, 3],
  ]);
});

test("a text that is longer in lower case is searched as it is", () => {
  expect(places(["İstanbul ist"], "ist")).toEqual([[9, 12]]);
});

test("nothing is found for spaces", () => {
  expect(places(["a b"], " ")).toEqual([]);
});

test("the number of matches is bounded", () => {
  expect(places(["a".repeat(MAX_MATCHES + 10)], "a")).toHaveLength(MAX_MATCHES);
});
