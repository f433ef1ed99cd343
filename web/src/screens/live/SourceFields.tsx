import { useEffect, useState } from "react";

import { Button } from "@/components/Button";
import { Choice } from "@/components/Choice";
import { Field, INPUT } from "@/components/Field";
import { useLiveText } from "@/i18n/live";
import { useSoundText } from "@/i18n/sound";
import { canShare, microphones, permitted } from "@/lib/recording/sources";
import { useMicrophoneLevel } from "@/lib/recording/useMicrophoneLevel";

import type { Choices } from "./choices";
import { Meter } from "./Meter";

interface SourceFieldsProps {
  chosen: Choices;
  onChoose: (chosen: Choices) => void;
  /** The microphone may be opened to show its level. */
  active: boolean;
}

/** Where the sound comes from, and whether it arrives. */
export function SourceFields({ chosen, onChoose, active }: SourceFieldsProps) {
  const text = useLiveText();
  const { source } = chosen;
  return (
    <>
      {canShare() && (
        <div className="grid gap-1.5">
          <Choice
            label={text.source}
            values={{ microphone: text.microphone, system: text.system, both: text.both }}
            chosen={source}
            onChoose={(source) => onChoose({ ...chosen, source })}
          />
          {source !== "microphone" && <p className="text-[13px] text-muted">{text.systemHint}</p>}
        </div>
      )}
      {source !== "system" && <MicrophoneField chosen={chosen} onChoose={onChoose} active={active} />}
    </>
  );
}

function MicrophoneField({ chosen, onChoose, active }: SourceFieldsProps) {
  const text = useLiveText();
  const problems = useSoundText();
  const [attempt, setAttempt] = useState(0);
  const { levels, problem } = useMicrophoneLevel(active ? attempt : 0, chosen.deviceId);
  const found = useMicrophones(levels !== null);
  useEffect(() => {
    void permitted().then((granted) => {
      if (granted) setAttempt(1);
    });
  }, []);
  return (
    <div className="grid gap-3">
      <Field label={text.device} error={problem ? problems[problem] : undefined} hint={levels ? text.levelHint : undefined}>
        {(control) => (
          <div className="grid gap-3">
            <select
              {...control}
              className={INPUT}
              value={found.some(({ deviceId }) => deviceId === chosen.deviceId) ? chosen.deviceId : ""}
              onChange={(event) => onChoose({ ...chosen, deviceId: event.target.value })}
            >
              <option value="">{text.defaultDevice}</option>
              {found.map(({ deviceId, label }) => (
                <option key={deviceId} value={deviceId}>
                  {label}
                </option>
              ))}
            </select>
            {levels && <Meter levels={levels} label={text.level} />}
          </div>
        )}
      </Field>
      {!levels && (
        <Button className="justify-self-start" disabled={attempt > 0 && !problem} onClick={() => setAttempt(attempt + 1)}>
          {text.checkMicrophone}
        </Button>
      )}
    </div>
  );
}

/** The microphones, again when one is plugged in and once the browser tells their names. */
function useMicrophones(permitted: boolean): MediaDeviceInfo[] {
  const [found, setFound] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    const media = (navigator as Partial<Navigator>).mediaDevices;
    if (!media) return;
    const read = () => void microphones().then((all) => setFound(all.filter(({ label }) => label)));
    read();
    media.addEventListener("devicechange", read);
    return () => media.removeEventListener("devicechange", read);
  }, [permitted]);
  return found;
}
