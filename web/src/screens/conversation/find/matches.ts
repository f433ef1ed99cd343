import type { Segment } from "@/api/segments";

/** A place in the text of a segment. */
export interface Match {
  segment: Segment;
  start: number;
  end: number;
}

/** More are not shown, so that a single letter does not fill the memory. */
export const MAX_MATCHES = 5000;

/** Where the segments have a text, in any case of its letters. */
export function matchesOf(segments: readonly Segment[], query: string): Match[] {
  const wanted = query.toLowerCase();
  const found: Match[] = [];
  if (!wanted.trim()) return found;
  for (const segment of segments) {
    const text = folded(segment.text ?? "");
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      found.push({ segment, start: at, end: at + wanted.length });
      if (found.length >= MAX_MATCHES) return found;
    }
  }
  return found;
}

/** In lower case, unless that moves its letters, as it does for some Turkish ones. */
function folded(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text;
}
