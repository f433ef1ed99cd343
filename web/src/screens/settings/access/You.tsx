import { useState } from "react";

import { logOut } from "@/api/access";
import { useMe } from "@/api/me";
import { Button } from "@/components/Button";
import { toastError } from "@/components/toast";
import { useAccessText } from "@/i18n/access";
import { useSettingsText } from "@/i18n/settings";

import { Part } from "../Part";
import { PasswordDialog } from "./PasswordDialog";

/** Who uses the page, and the end of the session. */
export function You() {
  const text = useAccessText();
  const title = useSettingsText().access;
  const me = useMe().data;
  const [changing, setChanging] = useState(false);
  if (!me?.role) return null;
  const role = text[me.role];
  const isPerson = me.principal?.startsWith("person:");
  const who = isPerson ? text.loggedIn(me.name ?? "", role) : me.principal === "local" ? text.local : text.byKey(role);
  return (
    <Part title={title} hint={text.hint}>
      <p>{who}</p>
      {isPerson && (
        <div className="mt-4 flex flex-wrap gap-2">
          {me.login.password && <Button onClick={() => setChanging(true)}>{text.changePassword}</Button>}
          {/* Nothing that this person saw stays in memory: the page is loaded anew. */}
          <Button onClick={() => void logOut().then(() => location.assign("/"), toastError)}>{text.logOut}</Button>
        </div>
      )}
      {changing && <PasswordDialog close={() => setChanging(false)} />}
    </Part>
  );
}
