import { expect, test } from "vitest";

import type { Segment } from "@/api/segments";

import { lanesOf, largest, samplesOf } from "./lanes";
import { maxZoom, ticks } from "./scale";

const segment = (name: string, start: number, end: number, more: Partial<Segment> = {}) =>
  ({ id: start, speaker_id: null, speaker_name: name, start_offset: start, end_offset: end, ...more }) as Segment;

test("a lane has all segments of a voice, and its share of the speech", () => {
  const lanes = lanesOf([segment("A", 0, 3), segment("B", 3, 4), segment("A", 5, 9)]);
  expect(lanes.map(({ voice, seconds, share }) => [voice.name, seconds, share])).toEqual([
    ["A", 7, 0.875],
    ["B", 1, 0.125],
  ]);
});

test("those who speak most stay in their order", () => {
  const lanes = lanesOf([segment("A", 0, 1), segment("B", 1, 9), segment("C", 9, 12)]);
  expect(largest(lanes, 2).map(({ voice }) => voice.name)).toEqual(["B", "C"]);
});

test("a clear sample is long, alone and not doubted", () => {
  const clear = segment("A", 10, 14);
  const samples = samplesOf([segment("A", 0, 0.4), segment("A", 2, 8, { overlap: true }), clear], 1);
  expect(samples).toEqual([clear]);
});

test("ticks are round times that fit, and the end", () => {
  expect(ticks(30, 960)).toEqual([0, 5, 10, 15, 20, 25, 30]);
  expect(ticks(43_200, 960)).toEqual([0, 7200, 14_400, 21_600, 28_800, 36_000, 43_200]);
  expect(ticks(31, 960).at(-2)).toBe(25);
});

test("only long recordings are zoomed", () => {
  expect([30, 60, 3600].map(maxZoom)).toEqual([1, 2, 16]);
});
