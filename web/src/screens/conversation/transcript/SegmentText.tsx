import { memo } from "react";

import type { Segment } from "@/api/segments";

import { EditableText } from "../editing/EditableText";
import { useEditing } from "../editing/useEditing";
import { textId } from "./Spoken";

/** The text of a segment: one text node, in which words are marked as ranges. A click on a word plays it, a double click edits. */
export const SegmentText = memo(function SegmentText({ segment }: { segment: Segment }) {
  const editing = useEditing(segment.id);
  if (editing) return <EditableText segment={segment} caret={editing.caret} draft={editing.draft} />;
  return (
    <p
      id={textId(segment.id)}
      lang={segment.language ?? undefined}
      data-segment={segment.id}
      className="inline cursor-pointer wrap-anywhere"
    >
      {segment.text ?? ""}
    </p>
  );
});
