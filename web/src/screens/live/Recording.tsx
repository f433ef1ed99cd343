import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { Page } from "@/components/Page";
import { useLiveText } from "@/i18n/live";
import { useShortcuts } from "@/lib/keyboard";
import { useSelected } from "@/lib/store";

import { HereNow } from "./HereNow";
import { LeaveGuard } from "./LeaveGuard";
import { Notices } from "./Notices";
import { RecordingHeader } from "./RecordingHeader";
import type { LiveSession } from "./session/liveSession";
import { Transcript } from "./Transcript";
import { useFollow } from "./useFollow";
import { Waveform } from "./Waveform";

/** A recording that runs, or has just ended. */
export function Recording({ session, onAgain }: { session: LiveSession; onAgain: () => void }) {
  const text = useLiveText();
  const lines = useSelected(session.state, ({ lines }) => lines);
  const partial = useSelected(session.state, ({ partial }) => partial);
  const phase = useSelected(session.state, ({ phase }) => phase);
  const [aloud, setAloud] = useState(false);
  const conversationId = useSelected(session.state, ({ conversationId }) => conversationId);
  useQuery({
    queryKey: ["speakers", "live", conversationId], // read again whenever speakers change, here or elsewhere
    queryFn: () => session.refetch().then(() => null),
    enabled: conversationId !== null,
  });
  const { following, follow } = useFollow(partial ?? lines);
  useShortcuts(
    useMemo(
      () => [
        {
          keys: ["p"],
          description: `${text.pause} / ${text.goOn}`,
          run: () => (session.state.snapshot().phase === "paused" ? void session.goOn() : session.pause()),
        },
        { keys: ["f"], description: text.followHint, run: follow },
      ],
      [session, text, follow],
    ),
  );
  const runs = phase === "recording" || phase === "paused";
  return (
    <Page title={session.recording.options.title || text.liveConversation} hidesHeading>
      <LeaveGuard session={session} />
      <div className="sticky top-0 z-10 -mx-4 -mt-5 bg-background px-4 pt-5 pb-3 sm:-mx-10 sm:-mt-7 sm:px-10 sm:pt-7">
        <RecordingHeader session={session} onAgain={onAgain} />
        {runs && <Waveform session={session} />}
      </div>
      <Notices session={session} />
      <div className="mt-5 grid gap-8 lg:grid-cols-[minmax(0,1fr)_300px]">
        <Transcript session={session} aloud={aloud} />
        <HereNow running={runs} lines={lines} aloud={aloud} onAloud={setAloud} following={following} onFollow={follow} />
      </div>
    </Page>
  );
}
