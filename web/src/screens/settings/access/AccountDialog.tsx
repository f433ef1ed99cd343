import { useState } from "react";

import { useCreateAccount } from "@/api/access";
import type { Role } from "@/api/me";
import { Field, TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { toast } from "@/components/toast";
import { useAccessText } from "@/i18n/access";

import { NEW_PASSWORD } from "./password";
import { RoleSelect } from "./RoleSelect";

export function AccountDialog({ close }: { close: () => void }) {
  const text = useAccessText();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("reader");
  const [password, setPassword] = useState("");
  const create = useCreateAccount();
  return (
    <FormDialog
      title={text.createAccount}
      close={close}
      action={text.create}
      incomplete={!name.trim()}
      run={async () => {
        const person = await create.mutateAsync({ name: name.trim(), role, password: password || null });
        toast(text.accountCreated(person.name));
        close();
      }}
    >
      <TextField
        label={text.accountName}
        hint={text.accountNameHint}
        required
        maxLength={200}
        autoComplete="off"
        value={name}
        onChange={setName}
      />
      <Field label={text.role}>{(control) => <RoleSelect {...control} explains role={role} onRole={setRole} />}</Field>
      <TextField
        {...NEW_PASSWORD}
        label={text.password}
        hint={text.accountPasswordHint}
        value={password}
        onChange={setPassword}
      />
    </FormDialog>
  );
}
