import type { VoiceSettings, VoiceSettingsChange } from "@/api/settings";

/** The numbers of the voice settings, with the bounds that the API has (`pipeline/voice_settings.py`). */
export const NUMBERS = [
  { name: "speaker_threshold", min: 0.1, max: 0.9, step: 0.01, unit: null },
  { name: "context_padding", min: 0.05, max: 2, step: 0.05, unit: "second" },
  { name: "silence_duration", min: 0.1, max: 5, step: 0.1, unit: "second" },
  { name: "emotion_threshold", min: 0.3, max: 1, step: 0.01, unit: null },
] as const;

export type NumberName = (typeof NUMBERS)[number]["name"];

/** What the form holds: numbers as they are typed. */
export type Draft = Record<NumberName, string> & { filter_hallucinations: boolean };

export function draftOf(settings: VoiceSettings): Draft {
  const numbers = NUMBERS.map(({ name }) => [name, String(settings[name])]);
  return {
    ...(Object.fromEntries(numbers) as Record<NumberName, string>),
    filter_hallucinations: settings.filter_hallucinations,
  };
}

/** What the draft changes; undefined where it changes nothing. */
export function changeOf(draft: Draft, settings: VoiceSettings): VoiceSettingsChange | undefined {
  const change: VoiceSettingsChange = {};
  for (const { name } of NUMBERS) if (draft[name] !== String(settings[name])) change[name] = Number(draft[name]);
  if (draft.filter_hallucinations !== settings.filter_hallucinations)
    change.filter_hallucinations = draft.filter_hallucinations;
  return Object.keys(change).length ? change : undefined;
}
