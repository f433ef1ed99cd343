import { type ReactNode, useId, useRef, useState } from "react";

import { useSamples, useSpeakerOverview, useSpeakers, useSuggestions } from "@/api/speakers";
import { Button } from "@/components/Button";
import { Popover, PopoverAnchor, PopoverContent, PopoverTrigger } from "@/components/Popover";
import { useCommonText } from "@/i18n/common";
import { useNamingText } from "@/i18n/naming";
import { isUnknown } from "@/lib/speakerColour";

import { candidates, sameName } from "./candidates";
import { NameField } from "./NameField";
import { Samples } from "./Samples";
import { type NamedVoice, type OnNamed, type Scope, useNamed } from "./useNamed";
import { useSayUndoable } from "./useSayUndoable";

interface WhoIsThisProps {
  voice: NamedVoice & {
    /** Seconds from the start: where the segment can be heard. Null while it is being recorded. */
    start: number | null;
  };
  /** The button that opens it. */
  children: ReactNode;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

/** "Who is this?": hear the voice, choose a person or type a new name, here or everywhere. */
export function WhoIsThis({ voice, children, open, onOpenChange }: WhoIsThisProps) {
  const [ownOpen, setOwnOpen] = useState(false);
  const shown = open ?? ownOpen;
  const change = onOpenChange ?? setOwnOpen;
  const title = useId();
  return (
    <Popover open={shown} onOpenChange={change}>
      <PopoverTrigger asChild>{children}</PopoverTrigger>
      <PopoverContent aria-labelledby={title} align="start">
        {shown && <Question voice={voice} title={title} close={() => change(false)} />}
      </PopoverContent>
    </Popover>
  );
}

interface WhoIsThisAtProps {
  voice: WhoIsThisProps["voice"];
  /** The element beside which it is shown. */
  anchor: HTMLElement;
  close: () => void;
  /** Called when the voice has a name, in place of a message that says so. */
  onNamed: OnNamed;
}

/** The same, opened by its owner. */
export function WhoIsThisAt({ voice, anchor, close, onNamed }: WhoIsThisAtProps) {
  const title = useId();
  return (
    <Popover open onOpenChange={close}>
      <PopoverAnchor virtualRef={useRef(anchor)} />
      <PopoverContent aria-labelledby={title} align="start">
        <Question voice={voice} title={title} close={close} onNamed={onNamed} />
      </PopoverContent>
    </Popover>
  );
}

interface QuestionProps extends Pick<WhoIsThisAtProps, "voice" | "close"> {
  title: string;
  onNamed?: OnNamed;
}

function Question({ voice, title, close, onNamed }: QuestionProps) {
  const text = useNamingText();
  const common = useCommonText();
  const known = !isUnknown(voice.speakerName);
  const speakers = useSpeakers().data ?? [];
  const overview = useSpeakerOverview().data ?? [];
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState<number | "new" | null>(null);
  const [scope, setScope] = useState<Scope>(known ? "here" : "everywhere");
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const say = useSayUndoable();
  const name = useNamed(onNamed ?? say);
  const suggestions = useSuggestions().data ?? [];
  const fitting = candidates(typed, speakers, overview, suggestions, voice.speakerId);
  const same = sameName(typed, speakers);
  const isNew = typed.trim() !== "" && !same;
  const chosen =
    picked ?? same?.id ?? (typed.trim() === "" ? null : isNew && fitting.length === 0 ? "new" : (fitting[0]?.id ?? null));

  const submit = async () => {
    if (chosen === null || busy) return;
    setBusy(true);
    setFailure(undefined);
    try {
      await name(voice, chosen === "new" ? { speaker_name: typed.trim() } : { speaker_id: chosen }, scope);
      close();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <>
      <h2 id={title} className="mb-2 font-semibold">
        {text.who}
      </h2>
      <VoiceSamples voice={voice} />
      <div className="mt-2">
        <NameField
          typed={typed}
          onType={(value) => {
            setTyped(value);
            setPicked(null);
          }}
          candidates={fitting}
          isNew={isNew}
          chosen={chosen}
          onChoose={setPicked}
          onSubmit={() => void submit()}
        />
      </div>
      <Scopes voice={voice} known={known} scope={scope} onChange={setScope} />
      {failure && (
        <p role="alert" className="mt-2 text-[13px] text-danger">
          {failure}
        </p>
      )}
      <div className="mt-3 flex gap-2">
        <Button kind="primary" disabled={chosen === null || busy} onClick={() => void submit()}>
          {text.apply}
        </Button>
        <Button onClick={close}>{common.cancel}</Button>
      </div>
    </>
  );
}

/** This segment, and others in which the voice is heard. */
function VoiceSamples({ voice }: { voice: WhoIsThisProps["voice"] }) {
  const others = useSamples(voice.speakerId).data ?? [];
  const own = voice.start === null ? [] : [{ segmentId: voice.segmentId, start: voice.start }];
  const more = others
    .filter((sample) => sample.segment_id !== voice.segmentId)
    .slice(0, 3)
    .map(({ segment_id, start_offset, conversation_id, title }) => ({
      segmentId: segment_id,
      start: start_offset,
      title: conversation_id === voice.conversationId ? undefined : title,
    }));
  return <Samples samples={[...own, ...more]} />;
}

interface ScopesProps {
  voice: NamedVoice;
  known: boolean;
  scope: Scope;
  onChange: (scope: Scope) => void;
}

/** For how much the name is meant. A voice that has no speaker yet is heard in this conversation only. */
function Scopes({ voice, known, scope, onChange }: ScopesProps) {
  const text = useNamingText();
  const group = useId();
  const segments = useSpeakers().data?.find(({ id }) => id === voice.speakerId)?.segment_count ?? 0;
  const conversations = useSpeakerOverview().data?.find((own) => own.speaker_id === voice.speakerId)?.conversations ?? 0;
  const wide: Scope = known ? "everyone" : "everywhere";
  const choices: [Scope, string][] = [
    [wide, known ? text.everyone(voice.speakerName ?? "") : voice.speakerId === null ? text.conversation : text.everywhere],
    ["here", text.here],
  ];
  return (
    <fieldset className="grid gap-2">
      <legend className="sr-only">{text.who}</legend>
      {choices.map(([value, label]) => (
        <label key={value} className="flex min-h-6 cursor-pointer items-baseline gap-2">
          <input
            type="radio"
            name={group}
            checked={scope === value}
            onChange={() => onChange(value)}
            className="translate-y-0.5 accent-accent"
          />
          <span className="grid">
            {label}
            {value === wide && voice.speakerId !== null && (
              <span className="text-[13px] text-muted tabular-nums">{text.counts(segments, conversations)}</span>
            )}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
