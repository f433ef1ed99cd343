import type { Segment } from "@/api/segments";
import { voiceOf, type Voice } from "@/lib/voice";

/** All that one voice says. */
export interface Lane {
  voice: Voice;
  segments: Segment[];
  /** How long the voice speaks. */
  seconds: number;
  /** Of all speech, 0 to 1. */
  share: number;
}

/** The lanes of a conversation, in the order in which the voices begin. */
export function lanesOf(segments: readonly Segment[]): Lane[] {
  const lanes = new Map<string, Lane>();
  let total = 0;
  for (const segment of segments) {
    const voice = voiceOf(segment);
    let lane = lanes.get(voice.key);
    if (!lane) lanes.set(voice.key, (lane = { voice, segments: [], seconds: 0, share: 0 }));
    const seconds = segment.end_offset - segment.start_offset;
    lane.segments.push(segment);
    lane.seconds += seconds;
    total += seconds;
  }
  for (const lane of lanes.values()) lane.share = total > 0 ? lane.seconds / total : 0;
  return [...lanes.values()];
}

/** The lanes of those who speak most, in the order of `lanes`. */
export function largest(lanes: readonly Lane[], count: number): Lane[] {
  const chosen = new Set(lanes.toSorted((a, b) => b.seconds - a.seconds).slice(0, count));
  return lanes.filter((lane) => chosen.has(lane));
}

/** Segments shorter than this say little of a voice. */
const MIN_SAMPLE_S = 1.5;
export const MAX_SAMPLE_S = 8;

/** The clearest segments of a voice: those of one voice alone, most similar to the speaker, and neither short nor doubted. */
export function samplesOf(segments: readonly Segment[], count: number): Segment[] {
  const worth = (segment: Segment) => {
    const seconds = segment.end_offset - segment.start_offset;
    const clear = segment.overlap || segment.is_misidentified ? 0 : 4;
    return clear + Math.min(1, seconds / MIN_SAMPLE_S) * 2 + Math.min(1, seconds / MAX_SAMPLE_S) + (segment.confidence ?? 0);
  };
  return segments.toSorted((a, b) => worth(b) - worth(a)).slice(0, count);
}
