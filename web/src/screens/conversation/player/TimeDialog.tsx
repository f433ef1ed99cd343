import { type SubmitEvent, useState } from "react";

import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field, Input } from "@/components/Field";
import { useConversationText } from "@/i18n/conversation";
import { parseClock } from "@/lib/time";

import { useSession } from "../context";

export function TimeDialog({ onClose }: { onClose: () => void }) {
  const text = useConversationText();
  const { player } = useSession();
  const [wrong, setWrong] = useState(false);
  const go = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const written = new FormData(event.currentTarget).get("time");
    const seconds = typeof written === "string" ? parseClock(written) : undefined;
    setWrong(seconds === undefined);
    if (seconds === undefined) return;
    player.seek(seconds);
    onClose();
  };
  return (
    <Dialog open onOpenChange={onClose} title={text.goTo}>
      <form onSubmit={go} className="grid gap-4">
        <Field label={text.time} hint={text.goToHint} error={wrong ? text.goToWrong : undefined}>
          {(control) => <Input name="time" autoComplete="off" inputMode="numeric" {...control} />}
        </Field>
        <Button type="submit" kind="primary" className="justify-self-end">
          {text.go}
        </Button>
      </form>
    </Dialog>
  );
}
