import { describe, expect, it } from "vitest";

import { UnsentAudio } from "./unsentAudio";

const piece = (from: number, length: number) => Int16Array.from({ length }, (_, index) => from + index);

/** What a server receives until nothing is left. */
function received(audio: UnsentAudio): number[] {
  const all: number[] = [];
  for (let next = audio.next(); next; next = audio.next()) all.push(...next);
  return all;
}

function recorded(...lengths: number[]): UnsentAudio {
  const audio = new UnsentAudio();
  for (const length of lengths) audio.add(piece(audio.recorded, length));
  return audio;
}

describe("unsent audio", () => {
  it("sends every sample once, in order", () => {
    expect(received(recorded(3, 2, 4))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("sends again what was not confirmed, from within a piece", () => {
    const audio = recorded(4, 4, 4);
    received(audio);
    audio.confirm(6);
    audio.rewind();
    expect(received(audio)).toEqual([6, 7, 8, 9, 10, 11]);
  });

  it("counts what is on the way", () => {
    const audio = recorded(4, 4);
    audio.next();
    expect([audio.onTheWay, audio.allSent, audio.allConfirmed]).toEqual([4, false, false]);
    audio.next();
    audio.confirm(4);
    expect([audio.onTheWay, audio.allSent, audio.allConfirmed]).toEqual([4, true, false]);
    audio.confirm(8);
    expect([audio.onTheWay, audio.allSent, audio.allConfirmed]).toEqual([0, true, true]);
  });

  it("skips what the server has without having said so on the former connection", () => {
    const audio = recorded(4, 4, 4);
    audio.next();
    audio.rewind();
    audio.confirm(5); // `total_audio_seconds` of `started`
    expect(received(audio)).toEqual([5, 6, 7, 8, 9, 10, 11]);
  });

  it("never takes back a confirmation, nor confirms what was not recorded", () => {
    const audio = recorded(4);
    audio.confirm(3);
    audio.confirm(1);
    expect(audio.confirmed).toBe(3);
    audio.confirm(99);
    expect([audio.confirmed, audio.recorded]).toEqual([4, 4]);
    audio.add(piece(4, 2));
    expect(received(audio)).toEqual([4, 5]);
  });

  it("goes on after a reload with the stored pieces", () => {
    const stored = [0, 4, 8].map((at) => ({ at, samples: piece(at, 4) }));
    const audio = new UnsentAudio(6, stored);
    expect([audio.confirmed, audio.recorded]).toEqual([6, 12]);
    expect([...audio.rest()]).toEqual([6, 7, 8, 9, 10, 11]);
    expect(received(audio)).toEqual([6, 7, 8, 9, 10, 11]);
    expect(audio.add(piece(12, 2)).at).toBe(12);
  });

  it("has no rest where everything is confirmed", () => {
    const audio = new UnsentAudio(6, []);
    expect([audio.recorded, audio.rest().length, audio.next()]).toEqual([6, 0, undefined]);
  });
});
