import { useEffect, useState } from "react";

import type { ConversationHead } from "@/api/conversations";
import { useProgress } from "@/api/progress";
import { useConversationText } from "@/i18n/conversation";
import { useLocale } from "@/i18n/language";
import { secondsLeft } from "@/lib/secondsLeft";
import { span } from "@/lib/time";

/** Whether the transcript is still being made. */
export const isWorking = (head: ConversationHead) => head.status === "processing" || head.status === "recording";

/** Instead of a transcript that is still being made, or that could not be. */
export function Working({ head }: { head: ConversationHead }) {
  const text = useConversationText();
  const working = isWorking(head);
  const { data: progress } = useProgress(head.id, working);
  if (!working) {
    return (
      <div role="alert" className="rounded-panel border border-line bg-panel p-6">
        <p className="font-semibold">{text.processingFailed}</p>
        <p className="pt-1 text-muted">{head.error}</p>
      </div>
    );
  }
  const done = progress?.progress ?? 0;
  const stages = { transcribing: text.transcribing, diarizing: text.diarizing };
  const stage = progress?.stage ?? "";
  return (
    <div role="status" className="rounded-panel border border-line bg-panel p-6">
      <p className="font-semibold">{head.status === "recording" ? text.recording : text.processing}</p>
      <p className="pt-1 text-muted">
        {stage in stages ? stages[stage as keyof typeof stages] : stage ? text.recognizing : text.waiting}
        <TimeLeft done={done} />
      </p>
      <progress aria-label={text.processing} value={done} max={1} className="mt-3 h-1.5 w-full accent-accent" />
    </div>
  );
}

/** How long the work will take, from how fast it went since the page was opened. */
function TimeLeft({ done }: { done: number }) {
  const text = useConversationText();
  const locale = useLocale();
  const [seen, setSeen] = useState<{ first: [number, number]; last: [number, number] }>();
  useEffect(() => {
    const now: [number, number] = [performance.now() / 1000, done];
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the clock may be read in an effect only
    setSeen((before) => ({ first: before?.first ?? now, last: now }));
  }, [done]);
  const left = seen && secondsLeft(seen.first, seen.last);
  return left === undefined ? null : <> · {text.left(span(left, locale))}</>;
}
