import type { ReactNode } from "react";

import { useMay } from "@/api/me";
import type { Segment } from "@/api/segments";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { emotionOf } from "@/lib/emotion";

import { useSession } from "../context";

/** The mark of an emotion, which opens the choice of another. */
export function EmotionButton({ segment, children }: { segment: Segment; children: ReactNode }) {
  const text = useEditingText();
  const names = useCommonText();
  const { editor } = useSession();
  if (!useMay("writer")) return children;
  return (
    <button
      type="button"
      aria-label={text.emotionOf(names[emotionOf(segment.emotion_category)])}
      aria-haspopup="dialog"
      onClick={(event) => editor.open({ what: "emotion", segment, anchor: event.currentTarget })}
      className="inline-flex h-6 items-center rounded-md hover:[&_span]:text-ink"
    >
      {children}
    </button>
  );
}
