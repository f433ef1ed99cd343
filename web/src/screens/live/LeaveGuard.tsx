import { useEffect } from "react";
import { useBlocker } from "react-router";

import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { useLiveText } from "@/i18n/live";
import { useSelected } from "@/lib/store";

import type { LiveSession } from "./session/liveSession";

/** Asks before a recording is left. The browser asks by itself before a tab is closed or loaded again. */
export function LeaveGuard({ session }: { session: LiveSession }) {
  const text = useLiveText();
  const running = useSelected(session.state, ({ phase }) => phase === "recording" || phase === "paused");
  const unsent = useSelected(session.state, ({ phase, unsentSeconds }) => phase === "finishing" && unsentSeconds > 0);
  const blocker = useBlocker(running);
  useEffect(() => {
    if (!running && !unsent) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [running, unsent]);
  const stay = () => blocker.reset?.();
  return (
    <Dialog
      open={blocker.state === "blocked"}
      onOpenChange={(open) => {
        if (!open) stay();
      }}
      title={text.leaveTitle}
      description={text.leaveHint}
    >
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={() => blocker.proceed?.()}>{text.leave}</Button>
        <Button kind="primary" onClick={stay}>
          {text.stay}
        </Button>
      </div>
    </Dialog>
  );
}
