import { type MouseEvent, useMemo } from "react";
import { useNavigate } from "react-router";

import type { ListedConversation } from "@/api/conversations";
import { useCommonText } from "@/i18n/common";
import { speakerColour } from "@/lib/speakerColour";
import { clock } from "@/lib/time";
import { shownName } from "@/lib/voice";

/** Who speaks when, in the speakers' colours. A click opens the conversation there; the row's link does it for the keyboard. */
export function Timeline({ conversation }: { conversation: ListedConversation }) {
  const common = useCommonText();
  const navigate = useNavigate();
  const { id, duration, timeline, participants } = conversation;
  const people = useMemo(() => new Map(participants?.map((one) => [one.speaker_id, one])), [participants]);
  if (!duration || !timeline?.length) return <span className="hidden sm:block" />;
  const at = ({ clientX, currentTarget }: MouseEvent) => {
    const { left, width } = currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (clientX - left) / width)) * duration;
  };
  const describe = (event: MouseEvent<SVGSVGElement>) => {
    const second = at(event);
    const span = timeline.find(({ start, end }) => start <= second && second < end);
    const name = span && shownName(people.get(span.speaker_id)?.speaker_name ?? null, common.unknownVoice);
    event.currentTarget.parentElement?.setAttribute("title", name ? `${clock(second)} · ${name}` : clock(second));
  };
  return (
    <span aria-hidden="true" className="relative z-1 block py-2">
      <svg
        className="block h-2.5 w-full cursor-pointer overflow-hidden rounded-full bg-soft"
        onMouseMove={describe}
        onClick={(event) => void navigate(`/c/${id}?t=${Math.floor(at(event))}`)}
      >
        {timeline.map(({ start, end, speaker_id }) => (
          <rect
            key={start}
            x={percent(start / duration)}
            width={percent((end - start) / duration)}
            height="100%"
            strokeWidth="1"
            className="stroke-panel"
            style={{ fill: speakerColour(speaker_id, people.get(speaker_id)?.speaker_name ?? null).fill }}
          />
        ))}
      </svg>
    </span>
  );
}

function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(2)}%`;
}
