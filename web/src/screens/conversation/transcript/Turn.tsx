import { memo } from "react";

import type { Segment } from "@/api/segments";
import { Avatar } from "@/components/Avatar";
import { cx } from "@/components/cx";
import { Icon } from "@/components/Icon";
import { clock } from "@/lib/time";
import type { Voice } from "@/lib/voice";

import { NotSaved } from "../editing/NotSaved";
import { SegmentMore } from "../editing/SegmentMore";
import { SpeakerName } from "../editing/SpeakerName";
import { Marks } from "./Marks";
import type { Note } from "./rows";
import { SegmentText } from "./SegmentText";

/** Who speaks in a turn, since when, and the marks of its first segment. It stays on top while the turn scrolls. */
export const TurnHeading = memo(function TurnHeading({ voice, first }: { voice: Voice; first: Segment }) {
  return (
    <div className="group/segment relative flex h-6 items-center gap-2.5 bg-background pl-12">
      <Avatar speakerId={voice.speakerId} name={voice.name} className="absolute top-0 left-0" />
      <h3 className="flex min-w-0 items-center gap-2 font-semibold" style={{ color: voice.colour.text }}>
        <SpeakerName voice={voice} segment={first} />
      </h3>
      <span className="text-[13px] text-muted tabular-nums">{clock(first.start_offset)}</span>
      <Marks segment={first} />
      <SegmentMore segment={first} />
    </div>
  );
});

interface SegmentRowProps {
  segment: Segment;
  /** The heading shows its time and marks. */
  first: boolean;
  last: boolean;
}

export const SegmentRow = memo(function SegmentRow({ segment, first, last }: SegmentRowProps) {
  return (
    <div className={cx("group/segment relative pl-12 pointer-fine:pr-7", last ? "pb-5" : "pb-1.5")}>
      {!first && (
        <span
          aria-hidden="true"
          className="absolute left-0 hidden w-10 text-right text-[12px] leading-6.5 text-muted tabular-nums opacity-0 transition-opacity group-hover/segment:opacity-100 sm:block"
        >
          {clock(segment.start_offset)}
        </span>
      )}
      <div dir="auto" className="-mx-2 -mb-0.5 max-w-[62ch] rounded-lg px-2 py-0.5 text-transcript has-data-spoken:bg-soft">
        <SegmentText segment={segment} />
        {!first && (
          <span className="inline-flex items-center gap-2 pl-2 align-middle">
            <Marks segment={segment} />
            <span className="pointer-fine:absolute pointer-fine:top-0.5 pointer-fine:right-0">
              <SegmentMore segment={segment} />
            </span>
          </span>
        )}
      </div>
      <NotSaved segment={segment} />
    </div>
  );
});

/** What was left out, at its place. */
export const NoteRow = memo(function NoteRow({ note }: { note: Note }) {
  return (
    <div className="flex gap-2 pb-5 pl-12 text-[13px] leading-5 text-muted">
      <Icon name="info" size={16} />
      <p>
        {note.start != null && <span className="pr-1.5 tabular-nums">{clock(note.start)}</span>}
        {note.message}
      </p>
    </div>
  );
});
