import { expect, test } from "vitest";

import { pieces } from "./snippet";

test("found words are marked, and entities are characters", () => {
  expect(pieces("The <mark>invoice</mark> is &lt;late&gt; &amp;amp; <mark>isn&#x27;t</mark>")).toEqual([
    { text: "The ", found: false },
    { text: "invoice", found: true },
    { text: " is <late> &amp; ", found: false },
    { text: "isn't", found: true },
  ]);
});

test("a snippet without words is one piece", () => {
  expect(pieces("Line 1.")).toEqual([{ text: "Line 1.", found: false }]);
});
