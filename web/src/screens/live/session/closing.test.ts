import { describe, expect, it } from "vitest";

import { afterEnd, delayMs } from "./closing";

const ending = { code: 1006, started: true, resuming: false, delivered: false };

describe("the end of a connection", () => {
  it("is an interruption in most cases", () => {
    for (const code of [1001, 1006, 1008, 1011, 1013]) expect(afterEnd({ ...ending, code })).toBe("retry");
    expect(afterEnd({ ...ending, code: 1013, started: false })).toBe("retry");
  });

  it("begins another conversation where the former cannot be resumed", () => {
    expect(afterEnd({ ...ending, code: 1008, started: false, resuming: true })).toBe("afresh");
  });

  it("is a refusal where the first message or the audio is wrong", () => {
    expect(afterEnd({ ...ending, code: 1008, started: false })).toBe("refused");
    expect(afterEnd({ ...ending, code: 1003 })).toBe("refused");
  });

  it("loses nothing once all audio is confirmed and the end was announced", () => {
    expect(afterEnd({ ...ending, delivered: true })).toBe("done");
  });
});

it("waits longer after each attempt, up to ten seconds", () => {
  expect([0, 1, 2, 3, 9, 99].map((attempt) => delayMs(attempt, 1))).toEqual([500, 1000, 2000, 4000, 10_000, 10_000]);
  expect(delayMs(1, 0)).toBe(500);
});
