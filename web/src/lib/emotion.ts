/** The nine emotions of the recogniser. */
export const EMOTIONS = ["angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown"] as const;
export type Emotion = (typeof EMOTIONS)[number];

/** Below this confidence an emotion is drawn hollow. */
export const SURE = 0.6;

/** How activated a voice sounds with an emotion, 0 to 1: the height of a bar. */
export const ACTIVATION: Record<Emotion, number> = {
  angry: 1,
  fearful: 0.85,
  surprised: 0.85,
  happy: 0.8,
  disgusted: 0.65,
  other: 0.45,
  neutral: 0.4,
  unknown: 0.4,
  sad: 0.3,
};

export function emotionOf(name: string | null): Emotion {
  return EMOTIONS.find((emotion) => emotion === name) ?? "unknown";
}

/** Whether the emotion says so little that it has no mark. */
export function isPlain(emotion: string | null): boolean {
  return emotion === null || emotion === "neutral" || emotion === "other" || emotion === "unknown";
}
