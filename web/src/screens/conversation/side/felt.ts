import type { Segment } from "@/api/segments";
import { type Emotion, emotionOf, SURE } from "@/lib/emotion";

/** How much of the conversation sounded like an emotion, and where it was heard most clearly. */
export interface Feeling {
  emotion: Emotion;
  /** Of the time of all segments with an emotion, 0 to 1. */
  share: number;
  /** How many segments. */
  count: number;
  /** In the order of time. */
  moments: Segment[];
}

const MAX_MOMENTS = 3;

/** The emotions of a conversation, the longest first. Those that the detector was not sure of count as neutral. */
export function feelingsOf(segments: readonly Segment[]): Feeling[] {
  const own = new Map<Emotion, Segment[]>();
  const seconds = new Map<Emotion, number>();
  let total = 0;
  for (const segment of segments) {
    if (segment.emotion_category === null) continue;
    const sure = (segment.emotion_confidence ?? 0) >= SURE;
    const emotion = sure ? emotionOf(segment.emotion_category) : "neutral";
    const length = segment.end_offset - segment.start_offset;
    const before = own.get(emotion);
    if (before) before.push(segment);
    else own.set(emotion, [segment]);
    seconds.set(emotion, (seconds.get(emotion) ?? 0) + length);
    total += length;
  }
  const feelings = [...own].map(([emotion, found]) => ({
    emotion,
    share: total > 0 ? (seconds.get(emotion) ?? 0) / total : 0,
    count: found.length,
    moments: clearest(found),
  }));
  return feelings.toSorted((a, b) => b.share - a.share);
}

function clearest(segments: Segment[]): Segment[] {
  return segments
    .toSorted((a, b) => (b.emotion_confidence ?? 0) - (a.emotion_confidence ?? 0))
    .slice(0, MAX_MOMENTS)
    .toSorted((a, b) => a.start_offset - b.start_offset);
}
