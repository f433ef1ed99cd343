import { useState } from "react";

import { type Person, useChangeAccount } from "@/api/access";
import { TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { toast } from "@/components/toast";
import { useAccessText } from "@/i18n/access";

import { NEW_PASSWORD } from "./password";

/** Set the password of another person. */
export function NewPasswordDialog({ person, close }: { person: Person; close: () => void }) {
  const text = useAccessText();
  const [password, setPassword] = useState("");
  const change = useChangeAccount();
  return (
    <FormDialog
      title={text.setPasswordTitle(person.name)}
      description={text.setPasswordHint}
      close={close}
      action={text.setPassword}
      run={async () => {
        await change.mutateAsync({ id: person.id, password });
        toast(text.changed);
        close();
      }}
    >
      <TextField
        {...NEW_PASSWORD}
        label={text.newPassword}
        hint={text.minimumHint}
        required
        value={password}
        onChange={setPassword}
      />
    </FormDialog>
  );
}
