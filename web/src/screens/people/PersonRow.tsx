import { Avatar } from "@/components/Avatar";
import { EmotionMark } from "@/components/EmotionMark";
import { useLocale } from "@/i18n/language";

import { Heard } from "./Heard";
import { HearButton } from "./HearButton";
import { PersonMenu } from "./PersonMenu";
import { feelings, type Voice } from "./voices";

const MAX_FEELINGS = 3;

/** A person with a name: hear them, and what can be done. */
export function PersonRow({ voice }: { voice: Voice }) {
  const locale = useLocale();
  return (
    <li className="flex items-center gap-3 px-4 py-3">
      <Avatar speakerId={voice.id} name={voice.name} />
      <div className="min-w-0 grow">
        <h3 dir="auto" className="truncate font-semibold">
          {voice.name}
        </h3>
        <Heard voice={voice} />
      </div>
      <ul className="hidden shrink-0 flex-col sm:flex">
        {feelings(voice.emotions)
          .slice(0, MAX_FEELINGS)
          .map(({ emotion, share }) => (
            <li key={emotion} className="flex gap-1 text-[13px] text-muted tabular-nums">
              <EmotionMark emotion={emotion} /> {share.toLocaleString(locale, { style: "percent" })}
            </li>
          ))}
      </ul>
      {voice.seconds > 0 && <HearButton id={voice.id} name={voice.name} />}
      <PersonMenu voice={voice} />
    </li>
  );
}
