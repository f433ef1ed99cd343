import { type SubmitEvent, useId, useState } from "react";

import { ApiError } from "@/api/client";
import { useChangeVoiceSettings, useResetVoiceSettings, type VoiceSettings } from "@/api/settings";
import { useStatus } from "@/api/status";
import { Button } from "@/components/Button";
import { Confirm } from "@/components/Confirm";
import { TextField } from "@/components/Field";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useLocale } from "@/i18n/language";
import { useSettingsText } from "@/i18n/settings";

import { changeOf, type Draft, draftOf, NUMBERS } from "./fields";

interface VoiceFormProps {
  current: VoiceSettings;
  mayChange: boolean;
}

export function VoiceForm({ current, mayChange }: VoiceFormProps) {
  const text = useSettingsText();
  const common = useCommonText();
  const [draft, setDraft] = useState(() => draftOf(current));
  const [resetting, setResetting] = useState(false);
  const change = useChangeVoiceSettings();
  const reset = useResetVoiceSettings();
  const changed = changeOf(draft, current);
  const save = (embedding_model?: string) => {
    if (!changed) return;
    const body = embedding_model ? { ...changed, embedding_model } : changed;
    change.mutate(body, { onSuccess: () => toast(text.saved) });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    save();
  };
  return (
    <form onSubmit={submit}>
      <fieldset disabled={!mayChange} className="grid gap-6">
        <Fields draft={draft} onChange={setDraft} />
        {change.error && (
          <div role="alert" className="grid justify-items-start gap-2 text-danger">
            <p>{change.error.message}</p>
            {isRefusedThreshold(change.error) && <SetAnyway save={save} />}
          </div>
        )}
        {mayChange && (
          <div className="flex flex-wrap gap-2">
            <Button type="submit" kind="primary" disabled={!changed || change.isPending}>
              {common.save}
            </Button>
            <Button onClick={() => setResetting(true)}>{text.reset}</Button>
          </div>
        )}
      </fieldset>
      <Confirm
        open={resetting}
        onOpenChange={setResetting}
        title={text.reset}
        description={text.resetHint}
        action={text.reset}
        run={async () => {
          await reset.mutateAsync();
          toast(text.resetDone);
        }}
      />
    </form>
  );
}

/** A threshold in bounds that is probably another model's is taken only with the name of the running model. */
function isRefusedThreshold(error: Error): boolean {
  return error instanceof ApiError && error.status === 400 && error.message.includes("embedding_model");
}

function SetAnyway({ save }: { save: (embeddingModel: string) => void }) {
  const text = useSettingsText();
  const model = useStatus().data?.stages.embedder?.model;
  return (
    model && (
      <Button size="small" className="text-ink" onClick={() => save(model)}>
        {text.setAnyway}
      </Button>
    )
  );
}

function Fields({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const hint = useId();
  const text = useSettingsText();
  const locale = useLocale();
  const labels = {
    speaker_threshold: [text.speakerThreshold, text.speakerThresholdHint],
    context_padding: [text.contextPadding, text.contextPaddingHint],
    silence_duration: [text.silenceDuration, text.silenceDurationHint],
    emotion_threshold: [text.emotionThreshold, text.emotionThresholdHint],
  } as const;
  return (
    <>
      {NUMBERS.map(({ name, min, max, step, unit }) => {
        const [label, hint] = labels[name];
        const shown = new Intl.NumberFormat(locale, unit ? { style: "unit", unit } : {});
        const range = text.range(new Intl.NumberFormat(locale).format(min), shown.format(max));
        return (
          <TextField
            key={name}
            label={label}
            hint={`${hint} ${range}.`}
            required
            type="number"
            className="max-w-32 tabular-nums"
            {...{ min, max, step }}
            value={draft[name]}
            onChange={(value) => onChange({ ...draft, [name]: value })}
          />
        );
      })}
      <div className="grid gap-1">
        <label className="flex min-h-6 w-fit items-center gap-2.5 font-medium">
          <input
            type="checkbox"
            aria-describedby={hint}
            className="size-4.5 accent-accent"
            checked={draft.filter_hallucinations}
            onChange={(event) => onChange({ ...draft, filter_hallucinations: event.target.checked })}
          />
          {text.filterHallucinations}
        </label>
        <p id={hint} className="text-[13px] text-muted">
          {text.filterHallucinationsHint}
        </p>
      </div>
    </>
  );
}
