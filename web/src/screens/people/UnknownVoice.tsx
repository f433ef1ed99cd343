import { useMay } from "@/api/me";
import { type SpeechSample, type Suggestion, useSamples } from "@/api/speakers";
import { Avatar } from "@/components/Avatar";
import { Button } from "@/components/Button";
import { type Sample, Samples } from "@/components/naming/Samples";
import { useSuggestion } from "@/components/naming/useSuggestion";
import { WhoIsThis } from "@/components/naming/WhoIsThis";
import { useLocale } from "@/i18n/language";
import { useNamingText } from "@/i18n/naming";
import { usePeopleText } from "@/i18n/people";
import { similarityText } from "@/lib/similarity";
import { shownName } from "@/lib/voice";

import { Heard } from "./Heard";
import type { Voice } from "./voices";

/** A voice without a name: hear it, name it, or say whether it is who it sounds like. */
export function UnknownVoice({ voice }: { voice: Voice }) {
  const text = usePeopleText();
  const mayWrite = useMay("writer");
  const samples = useSamples(voice.id).data ?? [];
  const first = samples[0];
  const name = shownName(voice.name, voice.name);
  return (
    <li className="grid grid-cols-[minmax(0,1fr)] gap-1.5 px-4 py-3">
      <div className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3">
        <Avatar speakerId={voice.id} name={voice.name} className="row-span-2 self-start" />
        <h3 className="font-semibold">{name}</h3>
        {mayWrite && first && (
          <WhoIsThis
            voice={{
              conversationId: first.conversation_id,
              segmentId: first.segment_id,
              speakerId: voice.id,
              speakerName: voice.name,
              start: first.start_offset,
            }}
          >
            <Button size="small" className="sm:row-span-2">
              {text.name}
            </Button>
          </WhoIsThis>
        )}
        <div className="col-start-2 max-sm:col-span-2">
          <Heard voice={voice} />
        </div>
      </div>
      <div className="pl-11.5">
        <Samples samples={samples.map(asSample)} />
      </div>
      {mayWrite && voice.suggestion && <Suggested suggestion={voice.suggestion} />}
    </li>
  );
}

/** The title of its conversation is shown once. */
function asSample(sample: SpeechSample, index: number, all: readonly SpeechSample[]): Sample {
  const first = all.findIndex(({ conversation_id }) => conversation_id === sample.conversation_id) === index;
  return { segmentId: sample.segment_id, start: sample.start_offset, title: first ? sample.title : null };
}

/** Somebody whom the voice may belong to, for a person to decide. */
function Suggested({ suggestion }: { suggestion: Suggestion }) {
  const text = usePeopleText();
  const naming = useNamingText();
  const locale = useLocale();
  const { two, same, different } = useSuggestion(suggestion);
  const value = similarityText(suggestion.similarity, locale);
  return (
    <div className="flex flex-wrap items-center gap-2 rounded-button bg-soft py-2 pr-2 pl-3 ml-11.5">
      <p className="grow">{text.soundsLike(two, value)}</p>
      <Button size="small" onClick={same}>
        {naming.same}
      </Button>
      <Button size="small" kind="quiet" onClick={different}>
        {naming.different}
      </Button>
    </div>
  );
}
