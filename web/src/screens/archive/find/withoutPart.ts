import type { Schemas } from "@/api/client";

import { dayOf, type Filters } from "../filters/filters";

type Found = Pick<Schemas["Hits"], "words" | "recognized">;

/** The change that removes one filter from a query: its words stay, and the other filters become those of the archive. */
export function withoutPart({ words, recognized }: Found, removed: Schemas["Recognized"]): Partial<Filters> {
  const change: Partial<Filters> = { q: words };
  for (const part of recognized.filter((each) => each !== removed)) {
    if (part.speaker_id != null) change.speakers = [String(part.speaker_id)];
    if (part.since) change.since = dayOf(new Date(part.since));
    if (part.until) change.until = dayOf(new Date(Date.parse(part.until) - 1));
  }
  return change;
}
