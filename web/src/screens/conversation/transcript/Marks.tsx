import type { Segment } from "@/api/segments";
import { EmotionMark } from "@/components/EmotionMark";
import { cx } from "@/components/cx";
import { Icon } from "@/components/Icon";
import { useConversationText } from "@/i18n/conversation";
import { isPlain, SURE } from "@/lib/emotion";

import { EmotionButton } from "../editing/EmotionButton";

/** How a segment sounded, and what else a reader should know of it. */
export function Marks({ segment }: { segment: Segment }) {
  const text = useConversationText();
  const { emotion_category: emotion, emotion_confidence: confidence } = segment;
  const sure = (confidence ?? 0) >= SURE;
  return (
    <>
      {emotion !== null && !isPlain(emotion) && (
        <EmotionButton segment={segment}>
          <span
            title={sure ? undefined : text.unsure}
            className={cx("inline-flex", !sure && "[&_circle]:[stroke-dasharray:2_2]")}
          >
            <EmotionMark emotion={emotion} />
            {!sure && <span className="sr-only">{text.unsure}</span>}
          </span>
        </EmotionButton>
      )}
      {segment.overlap && <Mark name="overlap" label={text.overlap} />}
      {segment.edited_at != null && <Mark name="edit" label={text.edited} />}
    </>
  );
}

function Mark({ name, label }: { name: "overlap" | "edit"; label: string }) {
  return (
    <span title={label} className="inline-flex text-muted">
      <Icon name={name} size={14} />
      <span className="sr-only">{label}</span>
    </span>
  );
}
