import { expect, test } from "vitest";

import { withoutPart } from "./withoutPart";

const none = { speaker_id: null, speaker_name: null, since: null, until: null };
const who = { ...none, text: "Nick", speaker_id: 7, speaker_name: "Nick Miller" };
const since = new Date(2026, 9, 1).toISOString();
const until = new Date(2026, 10, 1).toISOString();
const when = { ...none, text: "last month", since, until };
const found = { words: "the budget", recognized: [who, when] };

test("the others stay when one is removed", () => {
  expect(withoutPart(found, who)).toEqual({ q: "the budget", since: "2026-10-01", until: "2026-10-31" });
  expect(withoutPart(found, when)).toEqual({ q: "the budget", speakers: ["7"] });
});

test("the words stay when the only one is removed", () => {
  expect(withoutPart({ ...found, recognized: [when] }, when)).toEqual({ q: "the budget" });
});
