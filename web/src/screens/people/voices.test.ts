import { expect, test } from "vitest";

import { feelings, voices } from "./voices";

const moment = "2026-11-28T12:00:00Z";
const speaker = (id: number, name: string) => ({ id, name, created_at: moment, updated_at: moment, segment_count: 0 });
const heard = (speaker_id: number, seconds: number) => ({
  speaker_id,
  seconds,
  conversations: 1,
  last_heard: moment,
  samples: 0,
  emotions: {},
});

test("people are sorted by name, voices without a name by how long they are heard", () => {
  const speakers = [speaker(1, "Unknown_01"), speaker(2, "Zoë"), speaker(3, "Unknown_02"), speaker(4, "Ana")];
  const found = voices(speakers, [heard(1, 3), heard(3, 40)], []);
  expect(found.known.map(({ name }) => name)).toEqual(["Ana", "Zoë"]);
  expect(found.unknown.map(({ id, seconds }) => [id, seconds])).toEqual([
    [3, 40],
    [1, 3],
  ]);
  expect(found.known[0]).toMatchObject({ seconds: 0, lastHeard: null });
});

test("feelings leave out neutral and what is rare", () => {
  expect(feelings({ neutral: 80, happy: 5, sad: 14, angry: 1 })).toEqual([
    { emotion: "sad", share: 0.14 },
    { emotion: "happy", share: 0.05 },
  ]);
  expect(feelings({})).toEqual([]);
});
