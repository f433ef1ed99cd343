import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";

import { type AnswerStatement, ask } from "@/api/ask";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { TextField } from "@/components/Field";
import { useAskText } from "@/i18n/ask";
import { useCommonText } from "@/i18n/common";
import { clock } from "@/lib/time";
import { titleOf } from "@/lib/titles";
import { shownName } from "@/lib/voice";

const MAX_CHARACTERS = 1000;

interface Asked {
  statements: readonly AnswerStatement[];
  /** Undefined while it is being answered. */
  found?: boolean;
  note?: string | null;
  error?: string;
}

interface AskDialogProps {
  /** What stands in the search field. */
  first: string;
  /** Where texts go. */
  about: string;
  onClose: () => void;
}

/** A question, and the answer with the segments that support it. */
export function AskDialog({ first, about, onClose }: AskDialogProps) {
  const text = useAskText();
  const [question, setQuestion] = useState(first);
  const [asked, run] = useAsked();
  const working = asked !== null && asked.found === undefined && asked.error === undefined;
  return (
    <Dialog open onOpenChange={onClose} title={text.title} description={about} className="w-160">
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (question.trim() && !working) run(question.trim());
        }}
      >
        <TextField
          label={text.question}
          placeholder={text.example}
          maxLength={MAX_CHARACTERS}
          value={question}
          onChange={setQuestion}
          autoComplete="off"
        />
        <p>
          <Button kind="primary" type="submit" disabled={working || !question.trim()}>
            {text.ask}
          </Button>
        </p>
      </form>
      {asked && (
        <section aria-label={text.answer} aria-busy={working} aria-live="polite" className="grid gap-3 pt-5">
          {asked.statements.map((one, number) => (
            <Supported key={number} statement={one} />
          ))}
          {working && <p className="text-muted">{text.looking} …</p>}
          {asked.found === false && <p>{text.notFound}</p>}
          {asked.note && <p className="text-[13px] text-muted">{asked.note}</p>}
          {asked.error && <p className="text-danger">{asked.error}</p>}
        </section>
      )}
    </Dialog>
  );
}

/** The answer as far as it is written; a function that asks. Closing the dialog ends the request. */
function useAsked(): [Asked | null, (question: string) => void] {
  const [asked, setAsked] = useState<Asked | null>(null);
  const request = useRef<AbortController>(null);
  useEffect(() => () => request.current?.abort(), []);
  const run = (question: string) => {
    request.current?.abort();
    const control = new AbortController();
    request.current = control;
    setAsked({ statements: [] });
    const add = (one: AnswerStatement) =>
      setAsked((before) => ({ ...before, statements: [...(before?.statements ?? []), one] }));
    ask(question, add, control.signal).then(
      ({ found, note, statements }) => setAsked({ statements, found, note }),
      (error: unknown) => {
        if (control.signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        setAsked((before) => ({ statements: before?.statements ?? [], error: message }));
      },
    );
  };
  return [asked, run];
}

function Supported({ statement }: { statement: AnswerStatement }) {
  const common = useCommonText();
  return (
    <article className="grid gap-1">
      <p dir="auto">{statement.text}</p>
      <ul className="grid gap-0.5 text-[13px]">
        {statement.citations.map((one) => (
          <li key={one.segment_id} className="min-w-0 truncate">
            <Link to={`/c/${one.conversation_id}?t=${one.start_offset}`} className="text-accent underline underline-offset-2">
              {titleOf(one.title) ?? `#${one.conversation_id}`} {clock(one.start_offset)}
            </Link>{" "}
            <span dir="auto" className="text-muted">
              {shownName(one.speaker_name, common.unknownVoice)}: {one.text}
            </span>
          </li>
        ))}
      </ul>
    </article>
  );
}
