import { useState } from "react";

import { type Template, usePutTemplate } from "@/api/summaries";
import { Field, INPUT, TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useLanguageModelText } from "@/i18n/languageModel";
import { useSettingsText } from "@/i18n/settings";

/** As the API takes it. */
const NAME = "[a-z0-9][a-z0-9\\-]{0,39}";
const MAX_INSTRUCTIONS = 2000;

interface TemplateDialogProps {
  /** The one that is changed; a new one without. */
  template?: Template;
  /** Names that a new template cannot have: it would replace another one. */
  taken?: readonly string[];
  close: () => void;
}

/** Add a template, or change its instructions. */
export function TemplateDialog({ template, taken = [], close }: TemplateDialogProps) {
  const text = useLanguageModelText();
  const common = useCommonText();
  const settings = useSettingsText();
  const [name, setName] = useState(template?.name ?? "");
  const [instructions, setInstructions] = useState(template?.instructions ?? "");
  const put = usePutTemplate();
  const isTaken = taken.includes(name);
  return (
    <FormDialog
      title={template ? text.change(template.name) : text.add}
      close={close}
      action={common.save}
      incomplete={!name || isTaken || !instructions.trim()}
      run={async () => {
        await put.mutateAsync({ name, instructions });
        toast(settings.saved);
        close();
      }}
    >
      {!template && (
        <TextField
          label={text.name}
          hint={text.nameHint}
          error={isTaken ? text.taken : undefined}
          required
          pattern={NAME}
          title={text.nameHint}
          maxLength={40}
          autoCapitalize="off"
          spellCheck={false}
          value={name}
          onChange={setName}
        />
      )}
      <Field label={text.instructions} hint={text.instructionsHint}>
        {(control) => (
          <textarea
            {...control}
            required
            rows={6}
            dir="auto"
            maxLength={MAX_INSTRUCTIONS}
            className={`${INPUT} h-auto! py-2 leading-6`}
            value={instructions}
            onChange={({ target }) => setInstructions(target.value)}
          />
        )}
      </Field>
    </FormDialog>
  );
}
