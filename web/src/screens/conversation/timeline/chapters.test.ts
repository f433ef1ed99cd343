import { expect, test } from "vitest";

import { chapterSpans } from "./chapters";

const chapter = (title: string, start_offset: number) => ({ title, start_offset });

test("each chapter reaches to the next one, and the last to the end", () => {
  expect(chapterSpans([chapter("Costs", 50), chapter("Greetings", 10)], 100)).toEqual([
    { title: "Greetings", seconds: 10, left: 10, width: 40 },
    { title: "Costs", seconds: 50, left: 50, width: 50 },
  ]);
});

test("a chapter after the end is left out", () => {
  expect(chapterSpans([chapter("Late", 100)], 100)).toEqual([]);
  expect(chapterSpans([chapter("Any", 0)], 0)).toEqual([]);
});
