import { type SubmitEvent, useState } from "react";

import { useMay } from "@/api/me";
import { useReplaceVocabulary, useVocabulary, type Vocabulary as Words } from "@/api/settings";
import { Button } from "@/components/Button";
import { Field, INPUT } from "@/components/Field";
import { Loading } from "@/components/Loading";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useSettingsText } from "@/i18n/settings";

import { Part } from "./Part";

/** The hot words of all recordings. */
export function Vocabulary() {
  const text = useSettingsText();
  const mayChange = useMay("admin");
  const vocabulary = useVocabulary();
  if (vocabulary.isPending) return <Loading />;
  const current = vocabulary.data;
  return (
    <Part title={text.vocabulary} hint={text.vocabularyHint} failure={vocabulary.error}>
      {!mayChange && <p className="mb-5 text-muted">{text.onlyAdmins}</p>}
      {current && (
        <WordsForm
          key={JSON.stringify([current.hotwords, current.include_speaker_names])}
          current={current}
          mayChange={mayChange}
        />
      )}
    </Part>
  );
}

function WordsForm({ current, mayChange }: { current: Words; mayChange: boolean }) {
  const text = useSettingsText();
  const common = useCommonText();
  const [typed, setTyped] = useState(current.hotwords.join("\n"));
  const [names, setNames] = useState(current.include_speaker_names);
  const replace = useReplaceVocabulary();
  const hotwords = typed.split("\n").flatMap((line) => line.trim() || []);
  const same = names === current.include_speaker_names && hotwords.join("\n") === current.hotwords.join("\n");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    replace.mutate({ hotwords, include_speaker_names: names }, { onSuccess: () => toast(text.saved) });
  };
  return (
    <form onSubmit={submit}>
      <fieldset disabled={!mayChange} className="grid gap-6">
        <Field label={text.hotwords} hint={text.hotwordsHint(hotwords.length)} error={replace.error?.message}>
          {(control) => (
            <textarea
              {...control}
              rows={10}
              dir="auto"
              spellCheck={false}
              className={`${INPUT} h-auto! py-2 leading-6`}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
        <label className="flex min-h-6 items-start gap-2.5">
          <input
            type="checkbox"
            className="mt-0.5 size-4.5 shrink-0 accent-accent"
            checked={names}
            onChange={(event) => setNames(event.target.checked)}
          />
          {text.speakerNames}
        </label>
        <WordList title={text.namesRead} words={current.speaker_names} />
        <WordList title={text.leftOut} words={current.left_out} />
        {mayChange && (
          <div>
            <Button type="submit" kind="primary" disabled={same || replace.isPending}>
              {common.save}
            </Button>
          </div>
        )}
      </fieldset>
    </form>
  );
}

function WordList({ title, words }: { title: string; words: readonly string[] | null }) {
  if (!words?.length) return null;
  return (
    <div>
      <h3 className="font-medium">{title}</h3>
      <p className="text-muted">{words.join(", ")}</p>
    </div>
  );
}
