import { useState } from "react";

import { useAccounts } from "@/api/access";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useAccessText } from "@/i18n/access";

import { Part, ROWS } from "../Part";
import { AccountDialog } from "./AccountDialog";
import { AccountRow } from "./AccountRow";

/** The people who can log in. */
export function Accounts() {
  const text = useAccessText();
  const accounts = useAccounts();
  const [creating, setCreating] = useState(false);
  const people = accounts.data?.people ?? [];
  const actions = (
    <Button onClick={() => setCreating(true)}>
      <Icon name="plus" size={18} />
      {text.createAccount}
    </Button>
  );
  return (
    <Part title={text.accounts} hint={text.accountsHint} failure={accounts.error} actions={actions}>
      {accounts.data && people.length === 0 && <p className="text-muted">{text.noAccounts}</p>}
      {people.length > 0 && (
        <ul aria-label={text.accounts} className={ROWS}>
          {people.map((person) => (
            <AccountRow key={person.id} person={person} />
          ))}
        </ul>
      )}
      {creating && <AccountDialog close={() => setCreating(false)} />}
    </Part>
  );
}
