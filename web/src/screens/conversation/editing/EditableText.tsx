import { type KeyboardEvent, useEffect, useRef } from "react";

import type { Segment } from "@/api/segments";
import { useEditingText } from "@/i18n/editing";
import { clock } from "@/lib/time";

import { useSession } from "../context";
import { wordAtOffset } from "../transcript/words";
import { caretIn, placeCaret } from "./caret";
import type { EditorState } from "./Editor";

/** The text of a segment while it is edited, where it is read. It is saved when it is left in any way but Escape. */
export function EditableText({ segment, caret, draft }: { segment: Segment } & Pick<EditorState, "caret" | "draft">) {
  const text = useEditingText();
  const { segments: store, editor } = useSession();
  const element = useRef<HTMLParagraphElement>(null);
  const latest = useRef<string>(undefined);
  const begun = useRef({ segment, caret, draft });

  useEffect(() => {
    const own = element.current;
    const { segment, caret, draft } = begun.current;
    if (!own) return;
    own.textContent = draft ?? segment.text ?? "";
    latest.current = draft ?? undefined; // it was not saved
    placeCaret(own, caret);
    // The row may go while it is edited, as when the reader scrolls.
    return () => {
      if (latest.current !== undefined) void editor.save(segment, latest.current);
    };
  }, [editor]);

  const move = (step: 1 | -1) => {
    const { segments } = store.snapshot();
    const next = segments[segments.findIndex(({ id }) => id === segment.id) + step];
    if (next) editor.edit(next.id, step > 0 ? 0 : null);
    else editor.leave();
  };
  const split = (offset: number) => {
    const words = store.wordsOf(segment.id);
    if (!words || latest.current !== undefined) return;
    const word = wordAtOffset(segment.text ?? "", words, offset);
    if (word < 1) return;
    editor.leave();
    void editor.split(segment, word);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLParagraphElement>) => {
    if (event.nativeEvent.isComposing) return;
    const at = caretIn(event.currentTarget);
    if (event.key === "Escape") {
      latest.current = undefined;
      editor.leave();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) split(at ?? 0);
    else if (event.key === "Enter") editor.leave();
    else if (event.key === "Tab") move(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  };
  return (
    <p
      ref={element}
      role="textbox"
      aria-multiline="true"
      aria-label={text.editing(clock(segment.start_offset))}
      contentEditable="plaintext-only"
      suppressContentEditableWarning
      spellCheck
      tabIndex={0}
      dir="auto"
      lang={segment.language ?? undefined}
      onInput={(event) => (latest.current = event.currentTarget.textContent)}
      onKeyDown={onKeyDown}
      onBlur={(event) => {
        // Not where the window loses the focus, which comes back.
        if (document.activeElement !== event.currentTarget) editor.leave();
      }}
      className="-mx-2 -my-0.5 rounded-lg bg-panel px-2 py-0.5 wrap-anywhere outline-2 -outline-offset-2 outline-accent"
    />
  );
}
