import { useMemo } from "react";

import { useMay } from "@/api/me";
import { Button, IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { useLocale } from "@/i18n/language";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";
import { useStore } from "@/lib/store";

import { useSession } from "../context";

/** The doubtful word at which the reader is, how sure the program is of it, and the way to the next one. */
export function DoubtBar() {
  const text = useEditingText();
  const common = useCommonText();
  const locale = useLocale();
  const { doubts, player, editor } = useSession();
  const mayWrite = useMay("writer");
  const doubt = useStore(doubts);
  useShortcuts(
    useMemo<Shortcut[]>(
      () => [
        { keys: ["Alt+ArrowDown"], description: text.doubtNext, run: () => void doubts.go(1) },
        { keys: ["Alt+ArrowUp"], description: text.doubtBefore, run: () => void doubts.go(-1) },
      ],
      [text, doubts],
    ),
  );
  if (!doubt) return null;
  const { segment, word } = doubt;
  const share = word.probability.toLocaleString(locale, { style: "percent" });
  return (
    <div className="fixed inset-x-4 bottom-24 z-20 mx-auto flex w-fit max-w-[calc(100vw-32px)] flex-wrap items-center gap-1.5 rounded-panel border border-line bg-panel py-1.5 pr-1.5 pl-4 shadow-float max-sm:bottom-36">
      <p role="status" dir="auto" className="pr-1.5">
        {text.doubtful(word.word.trim(), share)}
      </p>
      <Button size="small" onClick={() => player.hear(Math.max(0, word.start - 1), word.end + 0.5)}>
        {common.play}
      </Button>
      {mayWrite && (
        <Button size="small" onClick={() => editor.edit(segment.id)}>
          {text.edit}
        </Button>
      )}
      <IconButton label={text.doubtBefore} size="small" onClick={() => void doubts.go(-1)}>
        <Icon name="back" size={16} />
      </IconButton>
      <IconButton label={text.doubtNext} size="small" onClick={() => void doubts.go(1)}>
        <Icon name="forward" size={16} />
      </IconButton>
      <IconButton label={common.close} size="small" onClick={doubts.close}>
        <Icon name="close" size={16} />
      </IconButton>
    </div>
  );
}
