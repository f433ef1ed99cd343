import { useState } from "react";

import { useMay } from "@/api/me";
import { type Sharing, useShare, useSharing } from "@/api/sharing";
import { Choice } from "@/components/Choice";
import { Dialog } from "@/components/Dialog";
import { Field, INPUT } from "@/components/Field";
import { FormDialog } from "@/components/FormDialog";
import { Loading } from "@/components/Loading";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useSharingText } from "@/i18n/sharing";

/** Who sees the conversation, and for administrators whose it is. */
export function SharingDialog({ id, close }: { id: number; close: () => void }) {
  const text = useSharingText();
  const { data, error } = useSharing(id);
  if (data) return <SharingForm id={id} sharing={data} close={close} />;
  return (
    <Dialog open onOpenChange={close} title={text.title}>
      {error ? <p role="alert">{error.message}</p> : <Loading />}
    </Dialog>
  );
}

function SharingForm({ id, sharing, close }: { id: number; sharing: Sharing; close: () => void }) {
  const text = useSharingText();
  const common = useCommonText();
  const mayGive = useMay("admin");
  const [visibility, setVisibility] = useState(sharing.visibility);
  const [people, setPeople] = useState<readonly number[]>(sharing.people);
  const [owner, setOwner] = useState(sharing.owner);
  const share = useShare(id);
  const chosen = people.filter((person) => person !== owner);
  const isShared = visibility === "shared";
  const save = async () => {
    const given = owner === sharing.owner ? {} : { owner };
    await share.mutateAsync({ visibility, ...(isShared && { people: chosen }), ...given });
    const now = { private: text.isPrivate, shared: text.sharedWith(chosen.length), everyone: text.isForEveryone };
    toast(now[visibility]);
    close();
  };
  return (
    <FormDialog
      title={text.title}
      description={text.hint}
      close={close}
      action={common.save}
      incomplete={isShared && chosen.length === 0}
      run={save}
    >
      <Choice
        label={text.visibility}
        values={{ private: text.private, shared: text.shared, everyone: text.everyone }}
        chosen={visibility}
        onChoose={setVisibility}
      />
      {isShared && <People accounts={sharing.accounts.filter(({ id }) => id !== owner)} chosen={people} choose={setPeople} />}
      {mayGive && <Owner accounts={sharing.accounts} owner={owner} give={setOwner} />}
    </FormDialog>
  );
}

interface PeopleProps {
  accounts: Sharing["accounts"];
  chosen: readonly number[];
  choose: (people: readonly number[]) => void;
}

function People({ accounts, chosen, choose }: PeopleProps) {
  const text = useSharingText();
  return (
    <fieldset>
      <legend className="mb-1.5 font-medium">{text.people}</legend>
      {accounts.length === 0 && <p className="text-muted">{text.noPeople}</p>}
      <ul className="grid max-h-60 gap-1 overflow-auto">
        {accounts.map(({ id, name }) => (
          <li key={id}>
            <label className="flex cursor-pointer items-center gap-2.5 rounded-lg px-2 py-1 hover:bg-soft">
              <input
                type="checkbox"
                className="size-4.5 shrink-0 accent-accent"
                checked={chosen.includes(id)}
                onChange={({ target }) => choose(target.checked ? [...chosen, id] : chosen.filter((each) => each !== id))}
              />
              <span className="min-w-0 wrap-anywhere">{name}</span>
            </label>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

interface OwnerProps {
  accounts: Sharing["accounts"];
  owner: number | null;
  give: (owner: number) => void;
}

function Owner({ accounts, owner, give }: OwnerProps) {
  const text = useSharingText();
  return (
    <Field label={text.owner}>
      {(control) => (
        <select {...control} className={INPUT} value={owner ?? ""} onChange={({ target }) => give(Number(target.value))}>
          {owner === null && (
            <option value="" disabled>
              {text.nobody}
            </option>
          )}
          {accounts.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
