import { lazy, Suspense, useMemo, useState } from "react";

import { useCommonText } from "@/i18n/common";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

const KeyList = lazy(async () => ({ default: (await import("./KeyList")).KeyList }));

/** `?` opens the list of keys. */
export function KeyboardHelp() {
  const text = useCommonText();
  const [open, setOpen] = useState(false);
  useShortcuts(useMemo<Shortcut[]>(() => [{ keys: ["?"], description: text.keys, run: () => setOpen(true) }], [text]));
  return (
    open && (
      <Suspense>
        <KeyList onClose={() => setOpen(false)} />
      </Suspense>
    )
  );
}
