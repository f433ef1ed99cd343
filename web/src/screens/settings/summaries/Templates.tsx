import { useState } from "react";

import { useMay } from "@/api/me";
import { type Template, useDeleteTemplate } from "@/api/summaries";
import { Button } from "@/components/Button";
import { Confirm } from "@/components/Confirm";
import { Icon } from "@/components/Icon";
import { toast } from "@/components/toast";
import { useLanguageModelText } from "@/i18n/languageModel";

import { Part, ROW, ROWS } from "../Part";
import { TemplateDialog } from "./TemplateDialog";

/** Instructions for summaries: built-in ones, and those that people added. */
export function Templates({ templates }: { templates: readonly Template[] }) {
  const text = useLanguageModelText();
  const mayChange = useMay("admin");
  const [adding, setAdding] = useState(false);
  const actions = mayChange && (
    <Button onClick={() => setAdding(true)}>
      <Icon name="plus" size={18} />
      {text.add}
    </Button>
  );
  return (
    <Part title={text.templates} hint={text.templatesHint} actions={actions}>
      <ul aria-label={text.templates} className={ROWS}>
        {templates.map((template) => (
          <TemplateRow key={template.name} template={template} mayChange={mayChange && !template.built_in} />
        ))}
      </ul>
      {adding && <TemplateDialog taken={templates.map(({ name }) => name)} close={() => setAdding(false)} />}
    </Part>
  );
}

function TemplateRow({ template, mayChange }: { template: Template; mayChange: boolean }) {
  const text = useLanguageModelText();
  const [changing, setChanging] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const remove = useDeleteTemplate();
  const { name, instructions, built_in } = template;
  return (
    <li className={ROW}>
      <div className="min-w-40 flex-1">
        <p>
          <span className="font-medium">{name}</span>{" "}
          {built_in && <span className="text-[13px] text-muted">({text.builtIn})</span>}
        </p>
        <p dir="auto" className="text-[13px] break-words text-muted">
          {instructions}
        </p>
      </div>
      {mayChange && (
        <div className="flex gap-2">
          <Button size="small" aria-label={text.change(name)} onClick={() => setChanging(true)}>
            {text.edit}
          </Button>
          <Button size="small" aria-label={text.remove(name)} onClick={() => setDeleting(true)}>
            {text.delete}
          </Button>
        </div>
      )}
      {changing && <TemplateDialog template={template} close={() => setChanging(false)} />}
      <Confirm
        open={deleting}
        onOpenChange={setDeleting}
        title={text.deleteTitle(name)}
        description={text.deleteHint}
        action={text.delete}
        run={async () => {
          await remove.mutateAsync(name);
          toast(text.deleted(name));
        }}
      />
    </li>
  );
}
