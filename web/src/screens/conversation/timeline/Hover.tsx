import type { Segment } from "@/api/segments";
import { useCommonText } from "@/i18n/common";
import { emotionOf } from "@/lib/emotion";
import { clock } from "@/lib/time";
import { shownName } from "@/lib/voice";

import { segmentAt } from "../transcript/words";
import type { Lane } from "./lanes";
import { LANE_PX, WAVE_PX } from "./size";

const LABEL_PX = 220;

/** What the pointer is over. */
export interface Hovered {
  seconds: number;
  x: number;
  /** Undefined over the waveform, and where the voice of the lane is silent. */
  segment: Segment | undefined;
}

export function hoveredAt(lanes: readonly Lane[], seconds: number, top: number, x: number): Hovered {
  const lane = lanes[Math.floor((top - WAVE_PX) / LANE_PX)];
  const segment = lane?.segments[segmentAt(lane.segments, seconds)];
  return { seconds, x, segment: segment && segment.end_offset >= seconds ? segment : undefined };
}

/** The time at the pointer, and how sure which emotion is there. */
export function HoverLabel({ hovered: { seconds, x, segment }, width }: { hovered: Hovered; width: number }) {
  const common = useCommonText();
  const emotion = segment?.emotion_category;
  const parts = [clock(seconds)];
  if (segment) parts.push(shownName(segment.speaker_name, common.unknownVoice));
  if (emotion) {
    const sure = segment.emotion_confidence;
    parts.push(common[emotionOf(emotion)] + (sure === null ? "" : ` ${Math.round(sure * 100)} %`));
  }
  return (
    <div aria-hidden="true" className="pointer-events-none absolute inset-y-0 border-l border-muted" style={{ left: x }}>
      <span
        className="absolute top-0 rounded-lg bg-ink px-2 py-0.5 text-[12px] whitespace-nowrap text-background tabular-nums"
        style={x > width - LABEL_PX ? { right: 6 } : { left: 6 }}
      >
        {parts.join(" · ")}
      </span>
    </div>
  );
}
