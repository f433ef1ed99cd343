import { useMemo } from "react";

import { Avatar } from "@/components/Avatar";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { useLiveText } from "@/i18n/live";
import { speakerColour } from "@/lib/speakerColour";
import { span } from "@/lib/time";
import { shownName } from "@/lib/voice";

import { type Line, type Share, shares } from "./session/lines";

interface HereNowProps {
  /** The recording has not ended. */
  running: boolean;
  lines: readonly Line[];
  aloud: boolean;
  onAloud: (aloud: boolean) => void;
  following: boolean;
  onFollow: () => void;
}

/** Who has spoken for how long, and how the transcript is shown. */
export function HereNow({ running, lines, aloud, onAloud, following, onFollow }: HereNowProps) {
  const text = useLiveText();
  const speakers = useMemo(() => shares(lines), [lines]);
  return (
    <aside aria-label={text.hereNow} className="order-first lg:order-none">
      <div className="grid gap-5 lg:sticky lg:top-56">
        <h2 className="text-[13px] font-semibold text-muted">{text.hereNow}</h2>
        {speakers.length ? (
          <ul className="grid gap-4">
            {speakers.map((speaker) => (
              <SpeakerShare key={speaker.name} speaker={speaker} />
            ))}
          </ul>
        ) : (
          <p className="text-muted">{text.nobodyYet}</p>
        )}
        {running && (
          <>
            <p className="hidden text-[13px] text-muted lg:block">{text.safe}</p>
            <label className="flex min-h-6 items-center gap-2.5 text-[13px] text-muted">
              <input
                type="checkbox"
                checked={aloud}
                onChange={(event) => onAloud(event.target.checked)}
                className="accent-accent"
              />
              {text.aloud}
            </label>
          </>
        )}
      </div>
      {running && !following && (
        <Button className="fixed bottom-20 left-1/2 z-20 -translate-x-1/2 shadow-float sm:bottom-6" onClick={onFollow}>
          <Icon name="down" size={18} />
          {text.follow}
        </Button>
      )}
    </aside>
  );
}

function SpeakerShare({ speaker }: { speaker: Share }) {
  const common = useCommonText();
  const locale = useLocale();
  const percent = new Intl.NumberFormat(locale, { style: "percent" }).format(speaker.share);
  const { fill } = speakerColour(speaker.speakerId, speaker.name);
  return (
    <li className="grid grid-cols-[34px_minmax(0,1fr)] items-center gap-x-3">
      <Avatar speakerId={speaker.speakerId} name={speaker.name} />
      <div className="grid gap-1.5">
        <p className="flex items-baseline gap-2">
          <span dir="auto" className="grow truncate font-semibold">
            {shownName(speaker.name, common.unknownVoice)}
          </span>
          <span className="text-[13px] text-muted tabular-nums">
            {percent} · {span(speaker.seconds, locale)}
          </span>
        </p>
        <div aria-hidden="true" className="h-1 overflow-hidden rounded-full bg-soft">
          <div className="h-full rounded-full" style={{ width: `${speaker.share * 100}%`, background: fill }} />
        </div>
      </div>
    </li>
  );
}
