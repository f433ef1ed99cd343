import { expect, test } from "vitest";

import { changeOf, draftOf } from "./fields";

const CURRENT = {
  speaker_threshold: 0.53,
  context_padding: 0.15,
  silence_duration: 1,
  filter_hallucinations: true,
  emotion_threshold: 0.6,
};

test("a draft that was not touched changes nothing", () => {
  expect(changeOf(draftOf(CURRENT), CURRENT)).toBeUndefined();
});

test("only what was touched is sent, as numbers", () => {
  const draft = { ...draftOf(CURRENT), silence_duration: "0.80", filter_hallucinations: false };
  expect(changeOf(draft, CURRENT)).toEqual({ silence_duration: 0.8, filter_hallucinations: false });
});
