import type { ConversationHead } from "@/api/conversations";
import { useConversationText } from "@/i18n/conversation";
import { useLocale } from "@/i18n/language";
import { languageName } from "@/lib/languages";
import { clock, moment } from "@/lib/time";

import { useTranscript } from "../context";
import { Part } from "./Part";

/** Facts about the recording and its transcript. */
export function Details({ head }: { head: ConversationHead }) {
  const text = useConversationText();
  const locale = useLocale();
  const { total } = useTranscript();
  const facts: [string, string | number | null][] = [
    [text.recordedAt, moment(head.start_time, locale)],
    [text.length, head.duration === null ? null : clock(head.duration)],
    [text.languages, head.languages.map((code) => languageName(code, locale)).join(", ")],
    [text.segments, total],
    [text.voices, head.num_speakers],
    [text.hotwords, head.hotwords.join(", ")],
    [text.format, head.audio_format],
  ];
  return (
    <Part title={text.details}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-[13.5px]">
        {facts.map(
          ([name, value]) =>
            value !== null &&
            value !== "" && (
              <div key={name} className="contents">
                <dt className="text-muted">{name}</dt>
                <dd dir="auto" className="wrap-anywhere tabular-nums">
                  {value}
                </dd>
              </div>
            ),
        )}
      </dl>
    </Part>
  );
}
