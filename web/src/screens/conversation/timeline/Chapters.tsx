import { useSummary } from "@/api/summaries";
import { useSummaryText } from "@/i18n/summary";
import { clock } from "@/lib/time";

import { useSession } from "../context";
import { chapterSpans } from "./chapters";
import { CHAPTERS_PX } from "./size";

/** A tick with a title for each chapter, below the times; it plays the recording from there. */
export function Chapters() {
  const text = useSummaryText();
  const { id, player } = useSession();
  const spans = chapterSpans(useSummary(id).data?.chapters ?? [], player.duration);
  if (spans.length === 0) return null;
  return (
    <ol aria-label={text.chapters} className="relative text-[12px]" style={{ height: CHAPTERS_PX }}>
      {spans.map(({ title, seconds, left, width }) => (
        <li key={seconds} className="absolute inset-y-0" style={{ left: `${left}%`, width: `${width}%` }}>
          <button
            type="button"
            title={title}
            aria-label={text.playChapter(title, clock(seconds))}
            onClick={() => player.playFrom(seconds)}
            className="block h-full w-full truncate border-l-2 border-accent pl-1.5 text-left text-muted hover:text-ink"
          >
            <span dir="auto">{title}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
