import { lazy, Suspense, useMemo, useRef, useState } from "react";

import { useConversationText } from "@/i18n/conversation";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

const OpenBar = lazy(async () => ({ default: (await import("./OpenBar")).OpenBar }));

/** `Ctrl+F`: a field at the top of the transcript, and how many places have its text. */
export function FindBar() {
  const text = useConversationText();
  const [open, setOpen] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useShortcuts(
    useMemo<Shortcut[]>(
      () => [
        {
          keys: ["Ctrl+f"],
          description: text.find,
          inFields: true,
          run: () => {
            setOpen(true);
            field.current?.select();
          },
        },
      ],
      [text],
    ),
  );
  return (
    open && (
      <Suspense>
        <OpenBar field={field} onClose={() => setOpen(false)} />
      </Suspense>
    )
  );
}
