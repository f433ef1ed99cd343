import type { Segment } from "@/api/segments";

/** Whether the segment can be joined with the next one: both must be of one voice. */
export function isJoinable(segments: readonly Segment[], segment: Segment): boolean {
  const next = segments[segments.findIndex(({ id }) => id === segment.id) + 1];
  return next?.speaker_id === segment.speaker_id && next.speaker_name === segment.speaker_name;
}
