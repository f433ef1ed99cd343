import { useState } from "react";

import { useCreateProfile } from "@/api/profiles";
import { TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { toast } from "@/components/toast";
import { useBackupsText } from "@/i18n/backups";

export function SaveDialog({ close }: { close: () => void }) {
  const text = useBackupsText();
  const create = useCreateProfile();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  return (
    <FormDialog
      title={text.create}
      close={close}
      action={text.create}
      incomplete={!name.trim()}
      run={async () => {
        const profile = await create.mutateAsync({ name: name.trim(), description });
        toast(text.created(profile.name));
        close();
      }}
    >
      <TextField label={text.name} required maxLength={200} value={name} onChange={setName} />
      <TextField label={text.description} maxLength={2000} value={description} onChange={setDescription} />
    </FormDialog>
  );
}
