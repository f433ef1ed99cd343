import { lazy, Suspense, useState } from "react";

import { useStatus } from "@/api/status";
import { Button } from "@/components/Button";
import { useAskText } from "@/i18n/ask";

const AskDialog = lazy(async () => ({ default: (await import("./AskDialog")).AskDialog }));

/** Beside the search field, where a language model is set up. */
export function AskButton({ question }: { question: string }) {
  const text = useAskText();
  const model = useStatus().data?.language_model;
  const [open, setOpen] = useState(false);
  if (!model) return null;
  return (
    <>
      <Button className="h-12!" onClick={() => setOpen(true)}>
        {text.ask}
      </Button>
      {open && (
        <Suspense>
          <AskDialog first={question} about={text.about(model.model, model.server)} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
