import { lazy, Suspense, useMemo, useState } from "react";

import { useConversationText } from "@/i18n/conversation";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

const TimeDialog = lazy(async () => ({ default: (await import("./TimeDialog")).TimeDialog }));

/** `G`: go to a time that is written. */
export function GoToTime() {
  const text = useConversationText();
  const [open, setOpen] = useState(false);
  useShortcuts(useMemo<Shortcut[]>(() => [{ keys: ["g"], description: text.goTo, run: () => setOpen(true) }], [text]));
  return (
    open && (
      <Suspense>
        <TimeDialog onClose={() => setOpen(false)} />
      </Suspense>
    )
  );
}
