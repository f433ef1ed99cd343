import { useId, useRef } from "react";

import type { Segment } from "@/api/segments";
import { cx } from "@/components/cx";
import { EmotionMark } from "@/components/EmotionMark";
import { Popover, PopoverAnchor, PopoverContent } from "@/components/Popover";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { useLocale } from "@/i18n/language";
import { EMOTIONS, emotionOf } from "@/lib/emotion";

import { useSession } from "../context";

interface EmotionPickerProps {
  segment: Segment;
  anchor: HTMLElement;
  close: () => void;
}

/** How a segment sounds: one click corrects it. */
export function EmotionPicker({ segment, anchor, close }: EmotionPickerProps) {
  const text = useEditingText();
  const names = useCommonText();
  const locale = useLocale();
  const { editor } = useSession();
  const title = useId();
  const present = segment.emotion_category === null ? null : emotionOf(segment.emotion_category);
  const share = (segment.emotion_confidence ?? 0).toLocaleString(locale, { style: "percent" });
  return (
    <Popover open onOpenChange={close}>
      <PopoverAnchor virtualRef={useRef(anchor)} />
      <PopoverContent aria-labelledby={title} align="start" className="w-75">
        <h2 id={title} className="font-semibold">
          {text.howDoesItSound}
        </h2>
        {present && !segment.emotion_corrected && (
          <p className="text-[13px] text-muted">{text.detected(names[present], share)}</p>
        )}
        <div className="mt-3 grid grid-cols-2 gap-1">
          {EMOTIONS.filter((emotion) => emotion !== "unknown").map((emotion) => (
            <button
              key={emotion}
              type="button"
              aria-pressed={emotion === present}
              onClick={() => {
                close();
                void editor.correct(segment, emotion);
              }}
              className={cx(
                "flex h-9 items-center rounded-lg px-2.5 text-left hover:bg-soft",
                emotion === present && "bg-soft",
              )}
            >
              <EmotionMark emotion={emotion} size={18} />
            </button>
          ))}
        </div>
      </PopoverContent>
    </Popover>
  );
}
