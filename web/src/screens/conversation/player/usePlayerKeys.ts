import { useMemo } from "react";

import { toastError } from "@/components/toast";
import { useConversationText } from "@/i18n/conversation";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

import { useSession } from "../context";
import { moveBySegment, moveByWord } from "./moves";

/** Controls that a space presses. */
const PRESSED = "button, a, summary, [role=slider], [role=menuitem]";

/** The keys that play, and move in the recording. */
export function usePlayerKeys(): void {
  const text = useConversationText();
  const session = useSession();
  useShortcuts(
    useMemo<Shortcut[]>(() => {
      const { player } = session;
      const pressed = (event: KeyboardEvent) => event.target instanceof Element && event.target.closest(PRESSED) !== null;
      const skip = (keys: string[], seconds: number, description: string) => ({
        keys,
        description,
        run: () => player.skip(seconds),
      });
      return [
        {
          keys: [" ", "k"],
          description: `${text.play} / ${text.pause}`,
          run: (event) => (event.key === " " && pressed(event) ? false : player.toggle()),
        },
        skip(["j"], -10, text.back10),
        skip(["l"], 10, text.forward10),
        skip(["ArrowLeft"], -5, text.back5),
        skip(["ArrowRight"], 5, text.forward5),
        { keys: [","], description: text.wordBack, run: () => void moveByWord(session, -1).catch(toastError) },
        { keys: ["."], description: text.wordForward, run: () => void moveByWord(session, 1).catch(toastError) },
        { keys: ["ArrowUp"], description: text.lineBack, run: () => moveBySegment(session, -1) },
        { keys: ["ArrowDown"], description: text.lineForward, run: () => moveBySegment(session, 1) },
        { keys: ["["], description: text.slower, run: () => player.step(-1) },
        { keys: ["]"], description: text.faster, run: () => player.step(1) },
        { keys: ["f"], description: text.followHint, run: () => player.setFollow(!player.snapshot().follow) },
        { keys: ["Ctrl+ ", "Alt+k"], description: `${text.play} / ${text.pause}`, run: player.toggle, inFields: true },
        { keys: ["Ctrl+j"], description: text.back3, run: () => player.skip(-3), inFields: true },
      ];
    }, [text, session]),
  );
}
