import { memo } from "react";

import { Avatar } from "@/components/Avatar";
import { EmotionMark } from "@/components/EmotionMark";
import { useCommonText } from "@/i18n/common";
import { useLiveText } from "@/i18n/live";
import { isPlain } from "@/lib/emotion";
import { isUnknown, speakerColour } from "@/lib/speakerColour";
import { clock } from "@/lib/time";
import { useSelected } from "@/lib/store";
import { shownName } from "@/lib/voice";

import { NameVoice } from "./NameVoice";
import type { Line, Partial } from "./session/lines";
import type { LiveSession } from "./session/liveSession";

/** The lines as they come. They are announced to screen readers on request only: who listens to people cannot also listen to it. */
export function Transcript({ session, aloud }: { session: LiveSession; aloud: boolean }) {
  const text = useLiveText();
  const lines = useSelected(session.state, ({ lines }) => lines);
  const partial = useSelected(session.state, ({ partial }) => partial);
  return (
    <section aria-label={text.transcript} className="min-h-40 max-w-160">
      <ol aria-live={aloud ? "polite" : "off"} aria-relevant="additions" className="grid gap-5">
        {lines.map((line, index) => (
          <LineRow key={line.id} line={line} continues={lines[index - 1]?.name === line.name} />
        ))}
      </ol>
      {partial && <PartialRow partial={partial} />}
      {!lines.length && !partial && <p className="text-muted">{text.listening}</p>}
    </section>
  );
}

interface LineRowProps {
  line: Line;
  /** The line before it is of the same speaker. */
  continues: boolean;
}

const LineRow = memo(function LineRow({ line, continues }: LineRowProps) {
  const known = !isUnknown(line.name);
  const felt = isPlain(line.emotion) ? null : line.emotion;
  return (
    <li className="grid grid-cols-[34px_minmax(0,1fr)] gap-x-3.5">
      {continues ? <span /> : <Avatar speakerId={line.speakerId} name={line.name} className="mt-0.5" />}
      <div className={continues ? "-mt-3" : ""}>
        {!continues && (
          <p className="mb-0.5 flex flex-wrap items-center gap-x-2.5 gap-y-1 text-[13px] text-muted">
            <SpeakerName line={line} />
            {!known && <NameVoice line={line} />}
            <time className="tabular-nums">{clock(line.start)}</time>
            {felt && <EmotionMark emotion={felt} />}
          </p>
        )}
        <div dir="auto" className="text-transcript">
          <p className="inline pr-2">{line.text}</p>
          {continues && felt && <EmotionMark emotion={felt} />}
        </div>
      </div>
    </li>
  );
});

function SpeakerName({ line }: { line: Line }) {
  const common = useCommonText();
  const { text } = speakerColour(line.speakerId, line.name);
  return (
    <span dir="auto" className="text-[15px] font-semibold" style={{ color: text }}>
      {shownName(line.name, common.unknownVoice)}
    </span>
  );
}

/** A sentence that has not ended, grey after the words that do not change any more. */
function PartialRow({ partial }: { partial: Partial }) {
  return (
    <div className="mt-5 grid grid-cols-[34px_minmax(0,1fr)] gap-x-3.5">
      <span aria-hidden="true" className="mt-0.5 grid size-8.5 place-items-center rounded-full bg-soft text-muted">
        …
      </span>
      <div>
        <time className="text-[13px] text-muted tabular-nums">{clock(partial.start)}</time>
        <p dir="auto" className="text-transcript">
          {partial.stable}
          <span className="text-muted">{partial.rest}</span>
        </p>
      </div>
    </div>
  );
}
