import { useState } from "react";

import { changePassword } from "@/api/access";
import { TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { toast } from "@/components/toast";
import { useAccessText } from "@/i18n/access";

import { NEW_PASSWORD } from "./password";

/** Change the own password. */
export function PasswordDialog({ close }: { close: () => void }) {
  const text = useAccessText();
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  return (
    <FormDialog
      title={text.changePassword}
      close={close}
      action={text.changePassword}
      run={async () => {
        await changePassword(current, wanted);
        toast(text.passwordChanged);
        close();
      }}
    >
      <TextField
        label={text.currentPassword}
        type="password"
        autoComplete="current-password"
        required
        value={current}
        onChange={setCurrent}
      />
      <TextField
        {...NEW_PASSWORD}
        label={text.newPassword}
        hint={text.passwordHint}
        required
        value={wanted}
        onChange={setWanted}
      />
    </FormDialog>
  );
}
