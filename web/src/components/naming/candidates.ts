import type { Speaker, SpeakerOverview, Suggestion } from "@/api/speakers";
import { isUnknown } from "@/lib/speakerColour";

/** Somebody whom a voice may belong to, with what speaks for it. */
export interface Candidate {
  id: number;
  name: string;
  /** Cosine similarity to the voice, where the application suggests this speaker. */
  similarity: number | null;
  /** Seconds of speech. */
  seconds: number;
}

const MAX_CANDIDATES = 6;

/** Named speakers for a voice: those that sound like it first, then those who are heard most. */
export function candidates(
  typed: string,
  speakers: readonly Speaker[],
  overview: readonly SpeakerOverview[],
  suggestions: readonly Suggestion[],
  speakerId: number | null,
): Candidate[] {
  const seconds = new Map(overview.map((own) => [own.speaker_id, own.seconds]));
  const similar = new Map(
    suggestions.filter((pair) => pair.speaker_id === speakerId).map((pair) => [pair.other_id, pair.similarity]),
  );
  const part = comparable(typed);
  return speakers
    .filter(({ id, name }) => id !== speakerId && !isUnknown(name) && comparable(name).includes(part))
    .map(({ id, name }) => ({ id, name, similarity: similar.get(id) ?? null, seconds: seconds.get(id) ?? 0 }))
    .toSorted(
      (one, other) =>
        Number(startsWord(other.name, part)) - Number(startsWord(one.name, part)) ||
        (other.similarity ?? -1) - (one.similarity ?? -1) ||
        other.seconds - one.seconds ||
        one.name.localeCompare(other.name),
    )
    .slice(0, MAX_CANDIDATES);
}

/** The speaker of exactly this name, in any letter case. */
export function sameName(typed: string, speakers: readonly Speaker[]): Speaker | undefined {
  return speakers.find(({ name }) => comparable(name) === comparable(typed));
}

function comparable(name: string): string {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").trim().replace(/\s+/gu, " ").toLowerCase();
}

function startsWord(name: string, part: string): boolean {
  return part !== "" && ` ${comparable(name)}`.includes(` ${part}`);
}
