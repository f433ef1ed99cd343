import { expect, test } from "vitest";

import { initials, speakerColour } from "./speakerColour";

test.each([
  ["Ana Lima", "AL"],
  ["Ben", "B"],
  ["José María Pérez", "JP"],
  ["Unknown_03", "?3"],
  ["Unknown_10", "?10"],
  ["Unknown_A", "?A"],
  [null, "?"],
])("%s is shown as %s", (name, shown) => {
  expect(initials(name)).toBe(shown);
});

test("voices without a name differ from each other, and are duller than a person of the same hue", () => {
  const names = Array.from({ length: 12 }, (_, number) => `Unknown_${String(number + 1).padStart(2, "0")}`);
  const unknown = names.map((name, number) => speakerColour(number + 20, name).fill);
  expect(new Set(unknown).size).toBe(12);
  expect(new Set([speakerColour(null, "Unknown_A").fill, speakerColour(null, "Unknown_B").fill]).size).toBe(2);
  expect(unknown).not.toContain(speakerColour(0, "Ana").fill);
  expect(speakerColour(3, "Ana").fill).toBe(speakerColour(3, "Anna").fill);
});
