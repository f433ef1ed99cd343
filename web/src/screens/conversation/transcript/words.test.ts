import { expect, test } from "vitest";

import { segmentAt, wordAt, wordAtOffset, wordSpans } from "./words";

const word = (text: string, start: number, end: number) => ({ word: text, start, end, probability: 1 });
const WORDS = [word(" No,", 1, 1.4), word(" no", 1.5, 1.8), word(" way.", 1.9, 2.4)];
const TEXT = "No, no way.";

test("each word is found behind the one before", () => {
  expect(wordSpans(TEXT, WORDS)).toEqual([
    [0, 3],
    [4, 6],
    [7, 11],
  ]);
});

test("a word that the text lacks takes no place", () => {
  expect(wordSpans("No, way.", WORDS)).toEqual([
    [0, 3],
    [3, 3],
    [4, 8],
  ]);
});

test.each([
  [0, 0],
  [3, 0],
  [4, 1],
  [6, 1],
  [9, 2],
  [11, 2],
])("offset %i is in word %i", (offset, index) => {
  expect(wordAtOffset(TEXT, WORDS, offset)).toBe(index);
});

test.each([
  [0.5, -1],
  [1, 0],
  [1.45, 0],
  [1.6, 1],
  [9, 2],
])("at %f s word %i is spoken", (seconds, index) => {
  expect(wordAt(WORDS, seconds)).toBe(index);
});

test("a long segment is spoken again after a short one beside it", () => {
  const segments = [
    { start_offset: 1, end_offset: 10 },
    { start_offset: 3, end_offset: 4 },
    { start_offset: 12, end_offset: 13 },
  ];
  expect([0, 2, 3.5, 5, 11, 12.5, 20].map((seconds) => segmentAt(segments, seconds))).toEqual([-1, 0, 1, 0, 1, 2, 2]);
});
