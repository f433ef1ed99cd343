import { useState } from "react";

import { useCreateKey } from "@/api/access";
import type { Role } from "@/api/me";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field, TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { useAccessText } from "@/i18n/access";

import { CopyText } from "../CopyText";
import { RoleSelect } from "./RoleSelect";

const MAX_DAYS = 3650;

/** Create a key, and show it: the application shows it once. */
export function KeyDialog({ close }: { close: () => void }) {
  const text = useAccessText();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("reader");
  const [days, setDays] = useState("");
  const create = useCreateKey();
  if (create.data) {
    return (
      <Dialog open onOpenChange={close} title={text.keyIs(create.data.name)} description={text.keyOnce}>
        <CopyText label={text.keyIs(create.data.name)}>{create.data.key}</CopyText>
        <Button className="mt-4" onClick={close}>
          {text.done}
        </Button>
      </Dialog>
    );
  }
  return (
    <FormDialog
      title={text.createKey}
      close={close}
      action={text.create}
      incomplete={!name.trim()}
      run={async () => {
        await create.mutateAsync({ name: name.trim(), role, expires_in_days: days ? Number(days) : null });
      }}
    >
      <TextField label={text.keyName} required maxLength={200} value={name} onChange={setName} />
      <Field label={text.role}>{(control) => <RoleSelect {...control} explains role={role} onRole={setRole} />}</Field>
      <TextField
        label={text.days}
        hint={text.daysHint}
        type="number"
        min={1}
        max={MAX_DAYS}
        className="max-w-32"
        value={days}
        onChange={setDays}
      />
    </FormDialog>
  );
}
