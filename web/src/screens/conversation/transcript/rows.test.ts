import { expect, test } from "vitest";

import type { Segment } from "@/api/segments";

import { rowsOf } from "./rows";

const segment = (id: number, name: string, start: number) =>
  ({ id, speaker_id: null, speaker_name: name, start_offset: start, end_offset: start + 1 }) as Segment;
const note = (start: number | null) => ({ kind: "left_out" as const, message: "Left out.", start, end: null });

test("consecutive segments of a voice are a turn, with a heading before them", () => {
  const { rows, blocks, rowOf } = rowsOf([segment(1, "A", 0), segment(2, "A", 1), segment(3, "B", 2)], []);
  expect(rows.map(({ key }) => key)).toEqual(["turn-1", "segment-1", "segment-2", "turn-3", "segment-3"]);
  expect(blocks.map((block) => block.firstRow)).toEqual([0, 3]);
  expect(rowOf.get(3)).toBe(4);
});

test("a note is where it belongs by its time, also at the end, and parts a turn", () => {
  const { rows } = rowsOf([segment(1, "A", 0), segment(2, "A", 5)], [note(null), note(3), note(9)]);
  expect(rows.map(({ key }) => key)).toEqual(["turn-1", "segment-1", "note-0", "turn-2", "segment-2", "note-1"]);
});
