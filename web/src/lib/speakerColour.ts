/** Colours of speakers: twelve hues of equal lightness, chosen by the speaker's id. Voices without a name are duller. */

const HUES = [255, 30, 150, 310, 80, 195, 355, 120, 280, 55, 220, 335] as const;
const CHROMA = 0.13;
const UNKNOWN_CHROMA = 0.05;

export interface SpeakerColour {
  /** Of bars and lines. */
  fill: string;
  /** Of a name: at least 4.5:1 on the panel and the background. */
  text: string;
  /** Behind initials. */
  tint: string;
}

/** The colour of a person by the id; of a voice without a name by its number, so that those of a conversation differ. */
export function speakerColour(speakerId: number | null, name: string | null): SpeakerColour {
  const number = unknownNumber(name);
  if (number !== null) return shades(number, UNKNOWN_CHROMA);
  return shades(speakerId ?? 0, CHROMA);
}

function shades(number: number, chroma: number): SpeakerColour {
  const hue = HUES[number % HUES.length] ?? HUES[0];
  return {
    fill: `light-dark(oklch(58% ${chroma} ${hue}), oklch(74% ${chroma} ${hue}))`,
    text: `light-dark(oklch(48% ${chroma} ${hue}), oklch(78% ${chroma} ${hue}))`,
    tint: `light-dark(oklch(93% ${chroma / 4} ${hue}), oklch(30% ${chroma / 3} ${hue}))`,
  };
}

/** At most two letters of a name; a question mark and the number, such as `?3`, for an unknown voice. */
export function initials(name: string | null): string {
  if (name === null || isUnknown(name)) return `?${unknownSuffix(name)}`;
  const words = name.trim().split(/\s+/u);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => String.fromCodePoint(word?.codePointAt(0) ?? 63))
    .join("")
    .toLocaleUpperCase();
}

const UNKNOWN = "Unknown_";

/** Names that the program gives to voices nobody has named yet: `Unknown_01` or `Unknown_A`. */
export function isUnknown(name: string | null): boolean {
  return name === null || name.startsWith(UNKNOWN);
}

/** `3` of `Unknown_03`, `A` of `Unknown_A`. */
function unknownSuffix(name: string | null): string {
  return name?.slice(UNKNOWN.length).replace(/^0+(?=.)/u, "") ?? "";
}

/** From 0; null for the name of a person. */
function unknownNumber(name: string | null): number | null {
  if (!isUnknown(name)) return null;
  const suffix = unknownSuffix(name);
  const number = /^\d+$/u.test(suffix) ? Number(suffix) : (suffix.codePointAt(suffix.length - 1) ?? 0) - 64;
  return Math.max(0, number - 1);
}
