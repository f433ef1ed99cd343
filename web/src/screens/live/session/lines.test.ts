import { expect, it } from "vitest";

import { type Line, lineOf, partialOf, shares, withLine, withSpeakers } from "./lines";

function line(id: number, name: string, start: number, end: number): Line {
  const speakerId = name === "Ann" ? 1 : null;
  return { id, conversationId: 7, speakerId, name, text: "Hi.", start, end, emotion: null, sure: 0 };
}

it("places a segment by when its conversation began", () => {
  const segment = { segment_id: 3, speaker_id: 1, speaker_name: "Ann", text: "Hi." };
  const times = { start_offset: 1, end_offset: 2, emotion_category: "happy", emotion_confidence: 0.8 };
  expect(lineOf({ ...segment, ...times }, 7, 60)).toMatchObject({ id: 3, start: 61, end: 62, emotion: "happy", sure: 0.8 });
});

it("keeps lines in the order of their times, and each once", () => {
  const [one, two, three] = [line(1, "Ann", 0, 1), line(2, "Bo", 2, 3), line(3, "Ann", 1, 2)];
  const lines = [one, two, three].reduce<Line[]>(withLine, []);
  expect(lines.map(({ id }) => id)).toEqual([1, 3, 2]);
  expect(withLine(lines, { ...two, text: "Ho." }).map(({ text }) => text)).toEqual(["Hi.", "Hi.", "Ho."]);
});

it("gives lines another speaker, and leaves the others as they are", () => {
  const lines = [line(1, "Unknown_01", 0, 1), line(2, "Bo", 1, 2)];
  const named = withSpeakers(lines, [{ id: 1, speakerId: 1, name: "Ann" }]);
  expect(named[0]).toMatchObject({ name: "Ann", speakerId: 1 });
  expect(named[1]).toBe(lines[1]);
});

it("splits a partial text after its stable beginning", () => {
  const times = { start_offset: 2 };
  expect(partialOf({ text: "It is now", stable: "It is", ...times }, 10)).toEqual({ stable: "It is", rest: " now", start: 12 });
  expect(partialOf({ text: "So", stable: "Other", ...times }, 0)).toEqual({ stable: "", rest: "So", start: 2 });
  expect(partialOf({ text: "", stable: "", ...times }, 0)).toBeNull();
});

it("sums up who speaks how long", () => {
  const found = shares([line(1, "Ann", 0, 3), line(2, "Unknown_01", 3, 4), line(3, "Ann", 4, 4)]);
  expect(found.map(({ name, seconds, share }) => [name, seconds, share])).toEqual([
    ["Ann", 3, 0.75],
    ["Unknown_01", 1, 0.25],
  ]);
  expect(found[0]?.lastLine.id).toBe(3);
});
