import { Button, ButtonLink } from "@/components/Button";
import { cx } from "@/components/cx";
import { Icon } from "@/components/Icon";
import { useLocale } from "@/i18n/language";
import { useLiveText } from "@/i18n/live";
import { languageName } from "@/lib/languages";
import { clock } from "@/lib/time";
import { useSelected } from "@/lib/store";

import type { LiveSession } from "./session/liveSession";

/** What is recorded, for how long already, and the buttons to pause and to end it. */
export function RecordingHeader({ session, onAgain }: { session: LiveSession; onAgain: () => void }) {
  const text = useLiveText();
  const locale = useLocale();
  const phase = useSelected(session.state, ({ phase }) => phase);
  const seconds = useSelected(session.state, ({ seconds }) => Math.floor(seconds));
  const { options } = session.recording;
  const hotwords = options.hotwords.split(",").filter((word) => word.trim()).length;
  const about = [
    session.soundName,
    options.language ? languageName(options.language, locale) : text.detectsLanguage,
    options.numSpeakers && text.speakerCount(options.numSpeakers),
    hotwords > 0 && text.hotwordCount(hotwords),
  ];
  return (
    <header className="mb-4 flex flex-wrap items-start gap-x-3 gap-y-2">
      <div className="min-w-0 grow basis-60">
        <p className="flex items-center gap-2 text-[13px] text-muted">
          <span
            aria-hidden="true"
            className={cx("size-2.5 rounded-full", phase === "recording" ? "bg-danger" : "border border-muted")}
          />
          <span role="status">{text[phase === "refused" ? "failed" : phase]}</span>
          <span aria-hidden="true">·</span>
          <time className="tabular-nums">{clock(seconds)}</time>
        </p>
        <h1 dir="auto" className="truncate text-title">
          {options.title || text.liveConversation}
        </h1>
        <p className="truncate text-[13px] text-muted">{about.filter(Boolean).join(" · ")}</p>
      </div>
      <Actions session={session} onAgain={onAgain} />
    </header>
  );
}

function Actions({ session, onAgain }: { session: LiveSession; onAgain: () => void }) {
  const text = useLiveText();
  const phase = useSelected(session.state, ({ phase }) => phase);
  const conversationId = useSelected(session.state, ({ conversationId }) => conversationId);
  const empty = useSelected(session.state, ({ empty }) => empty);
  const running = phase === "recording" || phase === "paused";
  return (
    <div className="flex shrink-0 gap-2">
      {phase === "recording" && (
        <Button onClick={() => session.pause()}>
          <Icon name="pause" size={18} />
          {text.pause}
        </Button>
      )}
      {phase === "paused" && (
        <Button onClick={() => void session.goOn()}>
          <Icon name="microphone" size={18} />
          {text.goOn}
        </Button>
      )}
      {running && (
        <Button kind="primary" onClick={() => void session.finish()}>
          {text.finish}
        </Button>
      )}
      {phase === "refused" && <Button onClick={onAgain}>{text.backToSetup}</Button>}
      {phase === "finished" && <Button onClick={onAgain}>{text.again}</Button>}
      {(phase === "finished" || phase === "finishing") && conversationId !== null && !empty && (
        <ButtonLink kind={phase === "finished" ? "primary" : "plain"} to={`/c/${conversationId}`}>
          {text.open}
        </ButtonLink>
      )}
    </div>
  );
}
