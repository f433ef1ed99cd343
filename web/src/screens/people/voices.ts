import type { Speaker, SpeakerOverview, Suggestion } from "@/api/speakers";
import { isUnknown } from "@/lib/speakerColour";

/** A speaker with what is known of the voice. */
export interface Voice {
  id: number;
  name: string;
  seconds: number;
  conversations: number;
  lastHeard: string | null;
  samples: number;
  emotions: Readonly<Record<string, number>>;
  /** The likeliest other speaker that this voice may be. */
  suggestion: Suggestion | undefined;
}

/** Named people by name, and unnamed voices, those heard longest first. */
export function voices(
  speakers: readonly Speaker[],
  overview: readonly SpeakerOverview[],
  suggestions: readonly Suggestion[],
): { known: Voice[]; unknown: Voice[] } {
  const heard = new Map(overview.map((own) => [own.speaker_id, own]));
  const all = speakers.map(({ id, name }): Voice => {
    const own = heard.get(id);
    return {
      id,
      name,
      seconds: own?.seconds ?? 0,
      conversations: own?.conversations ?? 0,
      lastHeard: own?.last_heard ?? null,
      samples: own?.samples ?? 0,
      emotions: own?.emotions ?? {},
      suggestion: suggestions.find((pair) => pair.speaker_id === id),
    };
  });
  return {
    known: all.filter(({ name }) => !isUnknown(name)).toSorted((one, other) => one.name.localeCompare(other.name)),
    unknown: all.filter(({ name }) => isUnknown(name)).toSorted((one, other) => other.seconds - one.seconds),
  };
}

/** The emotions other than neutral with at least `least` of all seconds, the most frequent first. */
export function feelings(emotions: Readonly<Record<string, number>>, least = 0.02): { emotion: string; share: number }[] {
  const total = Object.values(emotions).reduce((sum, seconds) => sum + seconds, 0);
  return Object.entries(emotions)
    .filter(([emotion, seconds]) => emotion !== "neutral" && seconds >= least * total)
    .map(([emotion, seconds]) => ({ emotion, share: seconds / total }))
    .toSorted((one, other) => other.share - one.share);
}
