import { useCommonText } from "@/i18n/common";
import { type Emotion, emotionOf } from "@/lib/emotion";

/** Mouths and eyes of the glyphs, on a 16 px grid. The shape tells emotions apart; colour is for speakers. */
const SHAPES: Record<Emotion, string> = {
  angry: "M4.500 5.500l2 1M11.500 5.500l-2 1M5.500 11.500c1.500-1.500 3.500-1.500 5 0",
  disgusted: "M5.500 6.500h.01M10.500 6.500h.01M5 10.500c1-1 2 .8 3 0s2-.8 3 0",
  fearful: "M5.500 6v.8M10.500 6v.8M5.500 11.500l1.200-1.200 1.300 1.200 1.300-1.200 1.200 1.200",
  happy: "M5.500 6.200h.01M10.500 6.200h.01M5 9.200c1 2.600 5 2.600 6 0",
  neutral: "M5.500 6.500h.01M10.500 6.500h.01M5.500 10.500h5",
  other: "M5.500 6.500h.01M10.500 6.500h.01M6 10.800l4-1.200",
  sad: "M5.500 6.500h.01M10.500 6.500h.01M5.200 11.500c1-2.200 4.600-2.200 5.600 0",
  surprised: "M5.500 6h.01M10.500 6h.01M8 9a1.400 1.400 0 1 0 0 2.800A1.400 1.400 0 0 0 8 9z",
  unknown: "M6.300 6.500a1.800 1.800 0 1 1 2.500 1.600c-.6.300-.8.600-.8 1.200M8 11.300h.01",
};

/** The glyph of an emotion with its name. */
export function EmotionMark({ emotion, size = 15 }: { emotion: string; size?: number }) {
  const text = useCommonText();
  const name = emotionOf(emotion);
  return (
    <span className="inline-flex items-baseline gap-1 text-[13px] text-muted">
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        width={size}
        height={size}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.2"
        strokeLinecap="round"
        strokeLinejoin="round"
        className="self-center"
      >
        <circle cx="8" cy="8" r="6.500" />
        <path d={SHAPES[name]} />
      </svg>
      {text[name]}
    </span>
  );
}
