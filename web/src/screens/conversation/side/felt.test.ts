import { expect, test } from "vitest";

import type { Segment } from "@/api/segments";

import { feelingsOf } from "./felt";

const segment = (start: number, seconds: number, emotion: string | null, confidence: number) =>
  ({
    start_offset: start,
    end_offset: start + seconds,
    emotion_category: emotion,
    emotion_confidence: confidence,
  }) as Segment;

test("the longest feeling is first, and what is not sure counts as neutral", () => {
  const feelings = feelingsOf([
    segment(0, 6, "neutral", 0.9),
    segment(6, 1, "happy", 0.7),
    segment(7, 1, "happy", 0.9),
    segment(8, 2, "angry", 0.4),
    segment(10, 9, null, 0),
  ]);
  expect(feelings.map(({ emotion, share, count }) => [emotion, share, count])).toEqual([
    ["neutral", 0.8, 2],
    ["happy", 0.2, 2],
  ]);
});

test("the clearest moments are in the order of time", () => {
  const [happy] = feelingsOf([0.7, 0.9, 0.65, 0.8].map((sure, index) => segment(index, 1, "happy", sure)));
  expect(happy?.moments.map((moment) => moment.start_offset)).toEqual([0, 1, 3]);
});
