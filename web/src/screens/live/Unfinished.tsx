import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { useLiveText } from "@/i18n/live";
import { useSoundText } from "@/i18n/sound";
import { type Problem, problemOf } from "@/lib/recording/sources";
import { UnsentAudio } from "@/lib/recording/unsentAudio";
import { abandoned, piecesOf, remove, type Unfinished as Recording } from "@/lib/recording/unfinishedStore";
import { clock, day } from "@/lib/time";

import { choices } from "./choices";
import { LiveSession } from "./session/liveSession";

interface Found {
  recording: Recording;
  seconds: number;
  unsentSeconds: number;
}

async function find(principal: string | null): Promise<Found[]> {
  const recordings = await abandoned(principal);
  return Promise.all(
    recordings.map(async (recording) => {
      const audio = new UnsentAudio(recording.confirmed, await piecesOf(recording.id));
      const unsentSeconds = (audio.recorded - audio.confirmed) / recording.rate;
      return { recording, seconds: audio.recorded / recording.rate, unsentSeconds };
    }),
  );
}

interface UnfinishedProps {
  principal: string | null;
  onSession: (session: LiveSession) => void;
}

/** Recordings that a reload or a crash of the browser has ended. */
export function Unfinished({ principal, onSession }: UnfinishedProps) {
  const { data, refetch } = useQuery({
    queryKey: ["unfinished", principal],
    queryFn: () => find(principal),
    staleTime: 0,
    gcTime: 0,
    networkMode: "always",
  });
  return data?.map((found) => (
    <UnfinishedRecording key={found.recording.id} found={found} onSession={onSession} onGone={() => void refetch()} />
  ));
}

interface UnfinishedRecordingProps {
  found: Found;
  onSession: (session: LiveSession) => void;
  onGone: () => void;
}

function UnfinishedRecording({ found, onSession, onGone }: UnfinishedRecordingProps) {
  const text = useLiveText();
  const common = useCommonText();
  const locale = useLocale();
  const problems = useSoundText();
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { recording, seconds, unsentSeconds } = found;
  const unsent = clock(Math.ceil(unsentSeconds));
  const goOn = async (records: boolean) => {
    try {
      const session = await LiveSession.resume(recording, records ? choices() : null);
      if (session) onSession(session);
      else toast(text.elsewhere, { kind: "failed" });
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const discard = () => void remove(recording.id).then(onGone);
  return (
    <section className="mb-6 grid max-w-140 gap-3 rounded-panel border border-line bg-panel p-5">
      <h2 className="font-semibold">{text.unfinished(clock(seconds))}</h2>
      <p className="text-muted">
        {recording.options.title && <span dir="auto">{recording.options.title}. </span>}
        {text.unfinishedFrom(day(recording.startedAt, locale))} {unsentSeconds ? text.notSent(unsent) : text.allSent}
        {recording.conversation && (
          <>
            {" "}
            <Link to={`/c/${recording.conversation.id}`} className="text-accent underline">
              {text.open}
            </Link>
          </>
        )}
      </p>
      {problem && (
        <p role="alert" className="text-danger">
          {problems[problem]}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => void goOn(true)}>{text.resume}</Button>
        {unsentSeconds > 0 && <Button onClick={() => void goOn(false)}>{text.upload}</Button>}
        <Button kind="quiet" onClick={() => (unsentSeconds ? setAsking(true) : discard())}>
          {unsentSeconds ? text.discard : text.dismiss}
        </Button>
      </div>
      <Dialog open={asking} onOpenChange={setAsking} title={text.discardTitle} description={text.discardHint(unsent)}>
        <div className="flex justify-end gap-2">
          <Button onClick={() => setAsking(false)}>{common.cancel}</Button>
          <Button kind="danger" onClick={discard}>
            {text.discard}
          </Button>
        </div>
      </Dialog>
    </section>
  );
}
