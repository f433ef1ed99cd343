import { expect, test } from "vitest";

import type { Speaker } from "@/api/speakers";

import { candidates, sameName } from "./candidates";

const moment = "2026-11-28T12:00:00Z";
const speakers: Speaker[] = ["Nina", "Nick", "Ann-Nina", "Unknown_03", "Zoë"].map((name, index) => ({
  id: index + 1,
  name,
  created_at: moment,
  updated_at: moment,
  segment_count: 1,
}));
const overview = [{ speaker_id: 2, seconds: 500, conversations: 1, last_heard: moment, samples: 0, emotions: {} }];
const suggestions = [
  { speaker_id: 4, speaker_name: "Unknown_03", other_id: 5, other_name: "Zoë", similarity: 0.64, probability: null },
];

const named = (typed: string, speakerId: number | null = 4) =>
  candidates(typed, speakers, overview, suggestions, speakerId).map(({ name }) => name);

test("without a name, the voices that sound alike come first, then those heard most", () => {
  expect(named("")).toEqual(["Zoë", "Nick", "Ann-Nina", "Nina"]);
});

test("a suggestion for another voice does not count", () => {
  expect(named("", 9)).toEqual(["Nick", "Ann-Nina", "Nina", "Zoë"]);
});

test("what is typed filters, and beginnings of words come first", () => {
  expect(named("ni")).toEqual(["Nick", "Nina", "Ann-Nina"]);
  expect(named("zoe")).toEqual(["Zoë"]);
});

test("a name is the same in any letter case and with any spaces", () => {
  expect(sameName("  nICK ", speakers)?.id).toBe(2);
  expect(sameName("Nic", speakers)).toBeUndefined();
});
