import { useState } from "react";

import { useMerge, useSpeakerOverview, useSpeakers, useSuggestions } from "@/api/speakers";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { candidates, sameName } from "@/components/naming/candidates";
import { NameField } from "@/components/naming/NameField";
import { useSayUndoable } from "@/components/naming/useSayUndoable";
import { toastError } from "@/components/toast";
import { useNamingText } from "@/i18n/naming";
import { usePeopleText } from "@/i18n/people";

import type { Voice } from "./voices";

/** Choose the person that a speaker is, too. */
export function MergeDialog({ voice, close }: { voice: Voice; close: () => void }) {
  const text = usePeopleText();
  const naming = useNamingText();
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState<number | null>(null);
  const speakers = useSpeakers().data ?? [];
  const found = candidates(typed, speakers, useSpeakerOverview().data ?? [], useSuggestions().data ?? [], voice.id);
  const merge = useMerge();
  const say = useSayUndoable();
  const chosen = picked ?? sameName(typed, speakers)?.id ?? null;
  const submit = async () => {
    if (chosen === null) return;
    const { answer, change } = await merge.mutateAsync({ id: voice.id, into: chosen });
    say(naming.merged(answer.name), change);
    close();
  };
  return (
    <Dialog open onOpenChange={close} title={text.mergeTitle(voice.name)} description={text.mergeHint(voice.name)}>
      <NameField
        typed={typed}
        onType={setTyped}
        candidates={found}
        isNew={false}
        chosen={chosen}
        onChoose={(id) => setPicked(id === "new" ? null : id)}
        onSubmit={() => void submit().catch(toastError)}
      />
      <Button kind="primary" disabled={chosen === null || merge.isPending} onClick={() => void submit().catch(toastError)}>
        {text.merge}
      </Button>
    </Dialog>
  );
}
