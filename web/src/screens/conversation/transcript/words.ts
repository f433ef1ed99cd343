import type { Segment, Word } from "@/api/segments";

/** Of the segments before the last one that began: one of them may still be spoken beside it. */
const MAX_OVERLAPPING = 4;

/** The index of the segment that is spoken at a time, or of the last one before it; -1 before the first. */
export function segmentAt(segments: readonly Pick<Segment, "start_offset" | "end_offset">[], seconds: number): number {
  const latest = lastStarted(segments, (segment) => segment.start_offset, seconds);
  for (let index = latest; index >= Math.max(0, latest - MAX_OVERLAPPING); index--) {
    if ((segments[index]?.end_offset ?? 0) > seconds) return index;
  }
  return latest;
}

/** The index of the word that is spoken at a time, or of the last one before it; -1 before the first. */
export function wordAt(words: readonly Word[], seconds: number): number {
  return lastStarted(words, (word) => word.start, seconds);
}

function lastStarted<T>(items: readonly T[], start: (item: T) => number, seconds: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start(items[middle] as T) <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where each word begins and ends in the text. A word that the text does not have is empty, at the end of the one before. */
export function wordSpans(text: string, words: readonly Word[]): (readonly [number, number])[] {
  let from = 0;
  return words.map(({ word }) => {
    const bare = word.trim();
    const at = text.indexOf(bare, from);
    if (at < 0) return [from, from] as const;
    from = at + bare.length;
    return [at, from] as const;
  });
}

/** The index of the word at an offset of the text, or of the next one where there is a space; -1 behind the last. */
export function wordAtOffset(text: string, words: readonly Word[], offset: number): number {
  return wordSpans(text, words).findIndex(([start, end]) => offset <= end && end > start);
}
