import { useMemo } from "react";

import { useMay } from "@/api/me";
import type { Segment } from "@/api/segments";
import { Avatar } from "@/components/Avatar";
import { IconButton } from "@/components/Button";
import { cx } from "@/components/cx";
import { Icon } from "@/components/Icon";
import { useCommonText } from "@/i18n/common";
import { useConversationText } from "@/i18n/conversation";
import { useEditingText } from "@/i18n/editing";
import { useLocale } from "@/i18n/language";
import { span } from "@/lib/time";
import { shownName } from "@/lib/voice";

import { useSession, useTranscript } from "../context";
import { type Lane, lanesOf, MAX_SAMPLE_S, samplesOf } from "../timeline/lanes";
import { Part } from "./Part";

/** Who speaks, how much, and a sample of each voice to hear. */
export function SpeakersPanel() {
  const text = useConversationText();
  const { segments } = useTranscript();
  const lanes = useMemo(() => lanesOf(segments).toSorted((a, b) => b.seconds - a.seconds), [segments]);
  if (lanes.length === 0) return null;
  return (
    <Part title={text.speakers}>
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-3.5">
        {lanes.map((lane) => (
          <Speaker key={lane.voice.key} lane={lane} />
        ))}
      </ul>
    </Part>
  );
}

function Speaker({ lane: { voice, segments, seconds, share } }: { lane: Lane }) {
  const text = useConversationText();
  const common = useCommonText();
  const locale = useLocale();
  const { player } = useSession();
  const name = shownName(voice.name, common.unknownVoice);
  const percent = new Intl.NumberFormat(locale, { style: "percent" }).format(share);
  const hear = () => {
    const [sample] = samplesOf(segments, 1);
    if (sample) player.hear(sample.start_offset, Math.min(sample.end_offset, sample.start_offset + MAX_SAMPLE_S));
  };
  return (
    <li className="flex items-center gap-2.5">
      <Avatar speakerId={voice.speakerId} name={voice.name} />
      <div className="min-w-0 grow">
        <div className="flex items-baseline gap-2">
          <SpeakerButton segment={segments[0]} name={name} />
          <span className="text-[13px] whitespace-nowrap text-muted tabular-nums">
            {percent} · {span(seconds, locale)}
          </span>
        </div>
        <div className="mt-1 h-1 overflow-hidden rounded-full bg-soft">
          <div className="h-full rounded-full" style={{ width: `${share * 100}%`, background: voice.colour.fill }} />
        </div>
      </div>
      <IconButton label={text.hear(name)} size="small" onClick={hear} className="text-muted">
        <Icon name="play" size={14} />
      </IconButton>
    </li>
  );
}

/** The name of a speaker, which opens "Who is this?". */
function SpeakerButton({ segment, name }: { segment: Segment | undefined; name: string }) {
  const text = useEditingText();
  const { editor } = useSession();
  const className = "min-h-6 min-w-0 grow truncate text-left text-[15px] font-semibold";
  if (!useMay("writer") || !segment) {
    return (
      <span dir="auto" className={className}>
        {name}
      </span>
    );
  }
  return (
    <button
      type="button"
      dir="auto"
      aria-label={text.nameOf(name)}
      aria-haspopup="dialog"
      onClick={(event) => editor.open({ what: "who", segment, anchor: event.currentTarget })}
      className={cx(className, "rounded-md hover:underline")}
    >
      {name}
    </button>
  );
}
