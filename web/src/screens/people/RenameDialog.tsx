import { useState } from "react";

import { useRename } from "@/api/speakers";
import { TextField } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { usePeopleText } from "@/i18n/people";

import type { Voice } from "./voices";

export function RenameDialog({ voice, close }: { voice: Voice; close: () => void }) {
  const text = usePeopleText();
  const rename = useRename();
  const [name, setName] = useState(voice.name);
  return (
    <FormDialog
      title={text.renameTitle(voice.name)}
      close={close}
      action={text.rename}
      incomplete={!name.trim() || name === voice.name}
      run={async () => {
        await rename.mutateAsync({ id: voice.id, name });
        close();
      }}
    >
      <TextField label={text.newName} hint={text.renameHint} required maxLength={200} value={name} onChange={setName} />
    </FormDialog>
  );
}
