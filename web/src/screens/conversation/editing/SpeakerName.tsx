import { useMay } from "@/api/me";
import type { Segment } from "@/api/segments";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { isUnknown } from "@/lib/speakerColour";
import { shownName, type Voice } from "@/lib/voice";

import { useSession } from "../context";

/** The name of a voice, which opens "Who is this?". A voice without a name asks. */
export function SpeakerName({ voice, segment }: { voice: Voice; segment: Segment }) {
  const text = useEditingText();
  const common = useCommonText();
  const { editor } = useSession();
  const mayWrite = useMay("writer");
  const name = shownName(voice.name, common.unknownVoice);
  if (!mayWrite) return <span className="truncate">{name}</span>;
  return (
    <button
      type="button"
      aria-label={isUnknown(voice.name) ? undefined : text.nameOf(name)}
      aria-haspopup="dialog"
      onClick={(event) => editor.open({ what: "who", segment, anchor: event.currentTarget })}
      className="flex min-h-6 min-w-0 items-center gap-2 rounded-md"
    >
      <span dir="auto" className="truncate hover:underline">
        {name}
      </span>
      {isUnknown(voice.name) && (
        <span className="rounded-chip border border-line px-2 text-[12.5px] leading-5 font-medium whitespace-nowrap text-accent">
          {text.who}
        </span>
      )}
    </button>
  );
}
