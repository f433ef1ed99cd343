import type { Segment } from "@/api/segments";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { useSelected } from "@/lib/store";
import { unsavedTexts } from "@/lib/unsavedTexts";

import { useSession } from "../context";

/** A text of the segment that could not be saved, until it is saved or discarded. */
export function NotSaved({ segment }: { segment: Segment }) {
  const text = useEditingText();
  const common = useCommonText();
  const { editor } = useSession();
  const unsaved = useSelected(unsavedTexts, (texts) => texts.get(segment.id));
  if (!unsaved) return null;
  return (
    <div className="mt-1 mb-2 flex max-w-[62ch] flex-wrap items-center gap-2 rounded-button border border-danger px-3 py-1.5">
      <span className="text-danger">
        <Icon name="warning" size={18} />
      </span>
      <p className="min-w-0 grow basis-60 wrap-anywhere">
        {text.unsaved} <span dir="auto">{unsaved.typed}</span>
      </p>
      <Button size="small" onClick={() => editor.retry(segment)}>
        {common.retry}
      </Button>
      <Button size="small" kind="quiet" onClick={() => unsavedTexts.discard(segment.id)}>
        {text.discard}
      </Button>
    </div>
  );
}
