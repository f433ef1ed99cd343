import { useMay } from "@/api/me";
import type { Segment } from "@/api/segments";
import { Icon } from "@/components/Icon";
import { useEditingText } from "@/i18n/editing";
import { clock } from "@/lib/time";

import { useSession } from "../context";

/** Opens the menu of a segment. It is shown where the reader points, and always on touch screens. */
export function SegmentMore({ segment }: { segment: Segment }) {
  const text = useEditingText();
  const { editor } = useSession();
  if (!useMay("writer")) return null;
  return (
    <button
      type="button"
      aria-label={text.segmentMenu(clock(segment.start_offset))}
      aria-haspopup="menu"
      onClick={(event) => editor.open({ what: "menu", segment, anchor: event.currentTarget })}
      className="grid size-6 shrink-0 place-items-center rounded-md text-muted opacity-0 group-hover/segment:opacity-100 hover:bg-soft hover:text-ink focus-visible:opacity-100 pointer-coarse:opacity-100"
    >
      <Icon name="more" size={16} />
    </button>
  );
}
