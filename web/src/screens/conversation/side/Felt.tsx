import { useMemo } from "react";

import { useStatus } from "@/api/status";
import { EmotionMark } from "@/components/EmotionMark";
import { useCommonText } from "@/i18n/common";
import { useConversationText } from "@/i18n/conversation";
import { useLocale } from "@/i18n/language";
import { isPlain } from "@/lib/emotion";

import { useTranscript } from "../context";
import { type Feeling, feelingsOf } from "./felt";
import { Part } from "./Part";
import { TimeButton } from "./TimeButton";

/** From this share the conversation has one mood. */
const MOSTLY = 0.7;
/** The detector that takes no model of its own, and confuses emotions more often. */
const WEAK = "whisper-encoder";

/** What the voices sounded like, where, and how far the detector can be trusted. */
export function Felt() {
  const text = useConversationText();
  const common = useCommonText();
  const { segments } = useTranscript();
  const feelings = useMemo(() => feelingsOf(segments), [segments]);
  const [main, ...others] = feelings;
  if (!main) return null;
  const marked = others.filter(({ emotion }) => !isPlain(emotion));
  const mood = main.emotion === "neutral" ? text.calm : common[main.emotion];
  return (
    <Part title={text.felt}>
      <p>{main.share >= MOSTLY ? text.mostly(mood) : text.mixed(mood)}</p>
      {marked.length > 0 && (
        <ul className="grid gap-1.5 pt-2">
          {marked.map((feeling) => (
            <Moments key={feeling.emotion} feeling={feeling} />
          ))}
        </ul>
      )}
      <Detector />
    </Part>
  );
}

function Moments({ feeling: { emotion, share, moments } }: { feeling: Feeling }) {
  const locale = useLocale();
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: share < 0.01 ? 1 : 0 });
  return (
    <li className="flex items-baseline gap-x-2.5 text-[13px] leading-6">
      <span className="w-24 shrink-0">
        <EmotionMark emotion={emotion} />
      </span>
      <span className="w-9 shrink-0 text-muted tabular-nums">{percent.format(share)}</span>
      <span className="flex h-6 flex-wrap gap-x-2.5 overflow-hidden">
        {moments.map((segment) => (
          <TimeButton key={segment.id} seconds={segment.start_offset} />
        ))}
      </span>
    </li>
  );
}

/** The name of the detector, and what is known of its weakness. */
function Detector() {
  const text = useConversationText();
  const { data: status } = useStatus();
  const stage = status?.stages.emotion;
  if (!stage) return null;
  return (
    <div className="grid gap-1 pt-2.5 text-[13px] text-muted">
      <p>
        {text.detectedBy} <code className="rounded-sm bg-soft px-1 py-0.5 text-[12px]">{stage.model}</code>
        {stage.model.startsWith(WEAK) ? text.weakDetector : text.correctIt}
      </p>
      {stage.note && (
        <details>
          <summary className="w-fit hover:text-ink">{text.why}</summary>
          <p className="pt-1">{stage.note}</p>
        </details>
      )}
    </div>
  );
}
