import { expect, test } from "vitest";

import { EventParser } from "./ask";

test("events are read from pieces of any size", () => {
  const sent = 'event: statement\r\ndata: {"text": "a: b"}\r\n\r\n: ping\r\n\r\nevent: answer\r\ndata: {"found": true}\r\n\r\n';
  for (const size of [1, 7, 1000]) {
    const found: [string, unknown][] = [];
    const parser = new EventParser((event, body) => found.push([event, body]));
    for (let at = 0; at < sent.length; at += size) parser.push(sent.slice(at, at + size));
    expect(found).toEqual([
      ["statement", { text: "a: b" }],
      ["answer", { found: true }],
    ]);
  }
});
