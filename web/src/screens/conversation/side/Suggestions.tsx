import { useMemo } from "react";

import { useMay } from "@/api/me";
import { type Suggestion, useSuggestions } from "@/api/speakers";
import { Button } from "@/components/Button";
import { useSuggestion } from "@/components/naming/useSuggestion";
import { useActionsText } from "@/i18n/actions";
import { useLocale } from "@/i18n/language";
import { useNamingText } from "@/i18n/naming";
import { similarityText } from "@/lib/similarity";
import { span } from "@/lib/time";

import { useTranscript } from "../context";
import { lanesOf } from "../timeline/lanes";

/** Voices of this conversation that may be somebody else's, with what speaks for it. */
export function Suggestions() {
  const mayWrite = useMay("writer");
  const { segments } = useTranscript();
  const seconds = useMemo(() => new Map(lanesOf(segments).map((lane) => [lane.voice.speakerId, lane.seconds])), [segments]);
  const suggestions = useSuggestions().data ?? [];
  if (!mayWrite) return null;
  return suggestions
    .filter((pair) => seconds.has(pair.speaker_id))
    .map((pair) => (
      <Card key={`${pair.speaker_id}-${pair.other_id}`} suggestion={pair} seconds={seconds.get(pair.speaker_id) ?? 0} />
    ));
}

function Card({ suggestion, seconds }: { suggestion: Suggestion; seconds: number }) {
  const text = useActionsText();
  const naming = useNamingText();
  const locale = useLocale();
  const { one, two, same, different } = useSuggestion(suggestion);
  const similar = similarityText(suggestion.similarity, locale);
  return (
    <section aria-label={text.sounds(one, two)} className="rounded-panel border border-line bg-panel p-4">
      <p className="font-semibold">{text.sounds(one, two)}</p>
      <p className="pt-0.5 text-[13px] text-muted">{text.evidence(similar, span(seconds, locale))}</p>
      <div className="flex flex-wrap gap-2 pt-3">
        <Button kind="primary" size="small" onClick={same}>
          {naming.same}
        </Button>
        <Button size="small" onClick={different}>
          {naming.different}
        </Button>
      </div>
    </section>
  );
}
