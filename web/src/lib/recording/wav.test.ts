import { expect, it } from "vitest";

import { wav } from "./wav";

it("writes a mono PCM file with its sizes and rate", async () => {
  const file = new DataView(await wav(Int16Array.of(1, -2, 32767), 16_000).arrayBuffer());
  const text = (at: number) => String.fromCharCode(...new Uint8Array(file.buffer, at, 4));
  expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
  expect([file.byteLength, file.getUint32(4, true), file.getUint32(40, true)]).toEqual([50, 42, 6]);
  expect([file.getUint16(22, true), file.getUint32(24, true), file.getUint32(28, true)]).toEqual([1, 16_000, 32_000]);
  expect([44, 46, 48].map((at) => file.getInt16(at, true))).toEqual([1, -2, 32767]);
});
