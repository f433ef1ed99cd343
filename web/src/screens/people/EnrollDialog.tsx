import { useState } from "react";

import { useEnroll } from "@/api/speakers";
import { Button, FileButton } from "@/components/Button";
import { TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { Icon } from "@/components/Icon";
import { toast, toastError } from "@/components/toast";
import { usePeopleText } from "@/i18n/people";
import { useSoundText } from "@/i18n/sound";
import { problemOf } from "@/lib/recording/sources";
import { useVoiceRecorder } from "@/lib/recording/useVoiceRecorder";
import { clock } from "@/lib/time";

import type { Voice } from "./voices";

/** Add a person, or another sample of one, from a file or the microphone. */
export function EnrollDialog({ voice, close }: { voice?: Voice; close: () => void }) {
  const text = usePeopleText();
  const [name, setName] = useState("");
  const [sample, setSample] = useState<Blob | null>(null);
  const enroll = useEnroll();
  const submit = async () => {
    if (!sample) return;
    const { name: enrolled, samples, certainty } = await enroll.mutateAsync({ who: voice?.id ?? name.trim(), sample });
    toast(`${voice ? text.sampleAdded(enrolled) : text.added(enrolled)} ${text.certainty(certainty, samples)}`);
    close();
  };
  return (
    <FormDialog
      title={voice ? text.sampleTitle(voice.name) : text.enrollTitle}
      description={text.enrollHint}
      close={close}
      action={enroll.isPending ? text.adding : text.add}
      incomplete={!sample || (!voice && !name.trim())}
      run={submit}
    >
      {!voice && <TextField label={text.personName} required maxLength={200} value={name} onChange={setName} />}
      <SampleInput onSample={setSample} />
    </FormDialog>
  );
}

/** A file, or what the microphone records. */
function SampleInput({ onSample }: { onSample: (sample: Blob) => void }) {
  const text = usePeopleText();
  const problems = useSoundText();
  const [chosen, setChosen] = useState<string>();
  const { start, stop, elapsed } = useVoiceRecorder((sample, seconds) => {
    setChosen(text.recorded(clock(seconds)));
    onSample(sample);
  });
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap gap-2">
        <FileButton
          accept="audio/*,video/*"
          onFile={(picked) => {
            setChosen(picked.name);
            onSample(picked);
          }}
        >
          <Icon name="upload" size={18} />
          {text.upload}
        </FileButton>
        <Button
          onClick={() => {
            if (elapsed === null) start().catch((error: unknown) => toastError(problems[problemOf(error)]));
            else void stop(true);
          }}
        >
          <Icon name={elapsed === null ? "microphone" : "stop"} size={18} />
          {elapsed === null ? text.record : text.stop(clock(elapsed))}
        </Button>
      </div>
      <p aria-live="polite" className="min-h-5 truncate text-[13px] text-muted">
        {chosen}
      </p>
    </div>
  );
}
