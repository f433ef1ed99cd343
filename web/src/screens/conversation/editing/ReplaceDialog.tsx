import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { conversationKeys } from "@/api/conversations";
import { replaceWords } from "@/api/editing";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field, Input } from "@/components/Field";
import { toastError } from "@/components/toast";
import { useEditingText } from "@/i18n/editing";

import { useSession } from "../context";

const SHOWN = 5;

/** Replace words in the whole conversation; what would change is shown first. */
export function ReplaceDialog() {
  const text = useEditingText();
  const { id, editor } = useSession();
  const [find, setFind] = useState("");
  const [replace, setReplace] = useState("");
  const [options, setOptions] = useState({ match_case: false, whole_words: true });
  const close = () => editor.setReplacing(false);
  const request = { find, replace, ...options };
  const preview = useQuery({
    queryKey: [...conversationKeys.one(id), "replace", request],
    queryFn: () => replaceWords(id, { ...request, dry_run: true }),
    enabled: find.trim() !== "",
    placeholderData: (before) => (find.trim() ? before : undefined),
  });
  const found = find.trim() ? preview.data : undefined;
  const submit = async () => {
    if (!found?.matches) return;
    await editor.replaceAll(request);
    close();
  };
  const check = (name: keyof typeof options, label: string) => (
    <label className="flex cursor-pointer items-center gap-2">
      <input
        type="checkbox"
        checked={options[name]}
        onChange={({ target }) => setOptions({ ...options, [name]: target.checked })}
        className="accent-accent"
      />
      {label}
    </label>
  );
  return (
    <Dialog open onOpenChange={close} title={text.replace}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void submit().catch(toastError);
        }}
      >
        <Field label={text.find} error={preview.error?.message}>
          {(control) => (
            <Input {...control} maxLength={200} value={find} onChange={({ target }) => setFind(target.value)} dir="auto" />
          )}
        </Field>
        <Field label={text.replaceBy}>
          {(control) => (
            <Input
              {...control}
              maxLength={200}
              value={replace}
              onChange={({ target }) => setReplace(target.value)}
              dir="auto"
            />
          )}
        </Field>
        <div className="flex flex-wrap gap-x-5 gap-y-2">
          {check("match_case", text.matchCase)}
          {check("whole_words", text.wholeWords)}
        </div>
        <div aria-live="polite" className="min-h-6">
          {found && <p className="font-medium">{text.matches(found.matches, found.segments.length)}</p>}
          <ul className="mt-1 grid gap-1 text-[13.5px] text-muted">
            {found?.segments.slice(0, SHOWN).map((segment) => (
              <li key={segment.id} dir="auto" className="truncate">
                {segment.after}
              </li>
            ))}
            {found && found.segments.length > SHOWN && <li>{text.andMore(found.segments.length - SHOWN)}</li>}
          </ul>
        </div>
        <div>
          <Button type="submit" kind="primary" disabled={!found?.matches}>
            {text.replaceAll(found?.matches ?? 0)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
