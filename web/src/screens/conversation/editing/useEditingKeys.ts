import { useMemo } from "react";

import { type Naming, useNaming, useUndoSpeakerChange } from "@/api/speakers";
import { toast } from "@/components/toast";
import { useEditingText } from "@/i18n/editing";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

import { useSession } from "../context";
import { lanesOf } from "../timeline/lanes";
import { textId } from "../transcript/Spoken";
import type { Opened } from "./Editor";
import { isJoinable } from "./joinable";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** The keys that change the segment at the player's position. */
export function useEditingKeys(): void {
  const text = useEditingText();
  const { id, editor, spoken, segments } = useSession();
  const { mutateAsync: name } = useNaming();
  const { mutateAsync: undoNaming } = useUndoSpeakerChange();
  useShortcuts(
    useMemo<Shortcut[]>(() => {
      const open = (what: Opened["what"]) => () => {
        const segment = spoken.snapshot();
        const anchor = segment && document.getElementById(textId(segment.id));
        if (!anchor) return false;
        editor.open({ what, segment, anchor });
      };
      const give = (event: KeyboardEvent) => {
        const segment = spoken.snapshot();
        const voice = lanesOf(segments.snapshot().segments)[Number(event.key) - 1]?.voice;
        if (!segment || voice?.speakerId == null || voice.speakerId === segment.speaker_id) return false;
        const naming: Naming = {
          conversationId: id,
          segmentId: segment.id,
          who: { speaker_id: voice.speakerId },
          scope: "here",
        };
        void editor.other(async () => {
          const { change } = await name(naming);
          return change === undefined ? undefined : () => undoNaming(change);
        });
      };
      const edit = (event: KeyboardEvent) => {
        const segment = spoken.snapshot();
        if (!segment || (event.target instanceof Element && event.target.closest("button, a, summary"))) return false;
        editor.edit(segment.id);
      };
      const join = () => {
        const segment = spoken.snapshot();
        if (!segment) return false;
        if (isJoinable(segments.snapshot().segments, segment)) void editor.join(segment);
        else toast(text.notJoinable);
      };
      return [
        { keys: ["Enter"], description: text.edit, run: edit },
        { keys: ["n"], description: text.who, run: open("who") },
        { keys: ["e"], description: text.emotion, run: open("emotion") },
        { keys: ["m"], description: text.join, run: join },
        { keys: DIGITS, description: text.give, run: give },
        { keys: ["Ctrl+h"], description: text.replace, run: () => editor.setReplacing(true) },
        { keys: ["Ctrl+z"], description: text.undo, run: () => void editor.undo() },
        { keys: ["Ctrl+Shift+z", "Ctrl+y"], description: text.redo, run: () => void editor.redo() },
      ];
    }, [text, id, editor, spoken, segments, name, undoNaming]),
  );
}
