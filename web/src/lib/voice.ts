import { isUnknown, speakerColour, type SpeakerColour } from "./speakerColour";

/** Who speaks in a segment or in a lane. */
export interface Voice {
  /** The same for all segments of a voice in a conversation. */
  key: string;
  speakerId: number | null;
  name: string | null;
  colour: SpeakerColour;
}

export function voiceOf(of: { speaker_id: number | null; speaker_name: string | null }): Voice {
  const { speaker_id: speakerId, speaker_name: name } = of;
  return {
    key: speakerId === null ? `name:${name ?? ""}` : `id:${speakerId}`,
    speakerId,
    name,
    colour: speakerColour(speakerId, name),
  };
}

/** A name as it is shown: `Unknown 03` for `Unknown_03`. */
export function shownName(name: string | null, unknown: string): string {
  if (name === null) return unknown;
  return isUnknown(name) ? name.replaceAll("_", " ") : name;
}
