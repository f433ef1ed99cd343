import { useEffect, useRef, useState } from "react";

import { useMe } from "@/api/me";
import { Page } from "@/components/Page";
import { useLiveText } from "@/i18n/live";
import { type Problem, problemOf } from "@/lib/recording/sources";
import type { RecordingOptions } from "@/lib/recording/unfinishedStore";

import { Recording } from "./Recording";
import { type Input, LiveSession } from "./session/liveSession";
import { Setup } from "./Setup";
import { Unfinished } from "./Unfinished";

/** Record a conversation, and read it while it is spoken. */
export function Live() {
  const text = useLiveText();
  const principal = useMe().data?.principal ?? null;
  const [session, setSession] = useState<LiveSession | null>(null);
  const current = useRef<LiveSession | null>(null);
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      // Who leaves has been asked, and the rest is sent while other screens are shown.
      void current.current?.finish();
    };
  }, []);

  const show = (session: LiveSession | null) => {
    current.current = session;
    if (gone.current)
      void session?.finish(); // left while the browser asked for the microphone
    else setSession(session);
  };
  const record = async (sound: Input, options: RecordingOptions): Promise<Problem | null> => {
    try {
      show(await LiveSession.record(sound, options, principal));
      return null;
    } catch (error) {
      return problemOf(error);
    }
  };

  if (session) return <Recording session={session} onAgain={() => show(null)} />;
  return (
    <Page title={text.setupTitle}>
      <Unfinished principal={principal} onSession={show} />
      <Setup onRecord={record} />
    </Page>
  );
}
