import { type SubmitEvent, useMemo, useState } from "react";

import { Button } from "@/components/Button";
import { Field, Input, INPUT } from "@/components/Field";
import { Icon } from "@/components/Icon";
import { useLanguage } from "@/i18n/language";
import { useLiveText } from "@/i18n/live";
import { useSoundText } from "@/i18n/sound";
import { languageNames } from "@/lib/languages";
import type { Problem } from "@/lib/recording/sources";
import type { RecordingOptions } from "@/lib/recording/unfinishedStore";

import { choices, remember } from "./choices";
import type { Input as Sound } from "./session/liveSession";
import { SourceFields } from "./SourceFields";

interface SetupProps {
  /** Returns why it did not begin. */
  onRecord: (sound: Sound, options: RecordingOptions) => Promise<Problem | null>;
}

const MOST_SPEAKERS = 100;
const MOST_HOTWORDS_CHARS = 1000;

/** What to record, before it begins. */
export function Setup({ onRecord }: SetupProps) {
  const text = useLiveText();
  const spoken = useLanguage();
  const names = useMemo(() => languageNames(spoken), [spoken]);
  const problems = useSoundText();
  const [chosen, setChosen] = useState(choices);
  const [title, setTitle] = useState("");
  const [speakers, setSpeakers] = useState("");
  const [hotwords, setHotwords] = useState("");
  const [starting, setStarting] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    remember(chosen);
    setStarting(true); // releases the microphone that is checked
    setProblem(null);
    const options = { title: title.trim(), language: chosen.language, numSpeakers: Number(speakers) || null, hotwords };
    setProblem(await onRecord(chosen, options));
    setStarting(false);
  };

  return (
    <form onSubmit={(event) => void submit(event)} className="grid max-w-140 gap-5">
      <p className="text-muted">{text.setupHint}</p>
      <SourceFields chosen={chosen} onChoose={setChosen} active={!starting} />
      <div className="grid items-start gap-5 sm:grid-cols-2">
        <Field label={text.conversationTitle} hint={text.titleHint}>
          {(control) => (
            <Input {...control} value={title} maxLength={1000} dir="auto" onChange={(event) => setTitle(event.target.value)} />
          )}
        </Field>
        <Field label={text.language}>
          {(control) => (
            <select
              {...control}
              className={INPUT}
              value={chosen.language}
              onChange={(event) => setChosen({ ...chosen, language: event.target.value })}
            >
              <option value="">{text.detected}</option>
              {names.map(({ code, name }) => (
                <option key={code} value={code}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <details>
        <summary className="w-fit rounded-lg py-1 font-medium text-muted hover:text-ink">{text.more}</summary>
        <div className="mt-4 grid gap-5">
          <Field label={text.numSpeakers} hint={text.numSpeakersHint}>
            {(control) => (
              <Input
                {...control}
                type="number"
                min={1}
                max={MOST_SPEAKERS}
                className="w-24!"
                value={speakers}
                onChange={(event) => setSpeakers(event.target.value)}
              />
            )}
          </Field>
          <Field label={text.hotwords} hint={text.hotwordsHint}>
            {(control) => (
              <Input
                {...control}
                value={hotwords}
                maxLength={MOST_HOTWORDS_CHARS}
                dir="auto"
                onChange={(event) => setHotwords(event.target.value)}
              />
            )}
          </Field>
        </div>
      </details>
      {problem && (
        <p role="alert" className="text-danger">
          {problems[problem]}
        </p>
      )}
      <Button type="submit" kind="primary" size="large" disabled={starting} className="justify-self-start">
        <Icon name="microphone" />
        {starting ? `${text.starting} …` : text.record}
      </Button>
    </form>
  );
}
