import { useLocale } from "@/i18n/language";
import { usePeopleText } from "@/i18n/people";
import { dayInSentence, span } from "@/lib/time";

import type { Voice } from "./voices";

/** How long and when a voice was heard. */
export function Heard({ voice }: { voice: Voice }) {
  const text = usePeopleText();
  const locale = useLocale();
  const parts = [voice.seconds > 0 ? text.heard(span(voice.seconds, locale), voice.conversations) : text.neverHeard];
  if (voice.lastHeard) parts.push(text.lastHeard(dayInSentence(voice.lastHeard, locale)));
  if (voice.samples > 0) parts.push(text.samples(voice.samples));
  return <p className="text-[13px] text-muted">{parts.join(" · ")}</p>;
}
