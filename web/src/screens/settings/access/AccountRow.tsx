import { useState } from "react";

import { type Person, useChangeAccount, useDeleteAccount } from "@/api/access";
import { useMe } from "@/api/me";
import { Confirm } from "@/components/Confirm";
import { cx } from "@/components/cx";
import { Menu, MenuContent, MenuItem, MenuSeparator, MoreTrigger } from "@/components/Menu";
import { toast, toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useAccessText } from "@/i18n/access";

import { ROW } from "../Part";
import { NewPasswordDialog } from "./NewPasswordDialog";
import { RoleSelect } from "./RoleSelect";

export function AccountRow({ person }: { person: Person }) {
  const text = useAccessText();
  const isOwn = useMe().data?.principal === `person:${person.id}`;
  const change = useChangeAccount();
  const about = [...(isOwn ? [text.self] : []), ...(person.disabled ? [text.disabled] : [])];
  return (
    <li className={ROW}>
      <p className={cx("min-w-40 flex-1 break-words", person.disabled && "text-muted")}>
        <span className="font-medium">{person.name}</span> <span className="text-[13px] text-muted">{about.join(" · ")}</span>
      </p>
      {isOwn ? (
        <span className="text-muted">{text[person.role]}</span>
      ) : (
        <>
          <RoleSelect
            aria-label={text.roleOf(person.name)}
            className="h-9! w-auto!"
            role={person.role}
            disabled={change.isPending}
            onRole={(role) => void change.mutateAsync({ id: person.id, role }).then(() => toast(text.changed), toastError)}
          />
          <AccountMenu person={person} />
        </>
      )}
    </li>
  );
}

function AccountMenu({ person }: { person: Person }) {
  const text = useAccessText();
  const common = useCommonText();
  const [asked, setAsked] = useState<"password" | "delete">();
  const change = useChangeAccount();
  const remove = useDeleteAccount();
  const { id, name, disabled } = person;
  const close = () => setAsked(undefined);
  const enable = () => void change.mutateAsync({ id, disabled: !disabled }).then(() => toast(text.changed), toastError);
  return (
    <>
      <Menu>
        <MoreTrigger label={text.more(name)} />
        <MenuContent>
          <MenuItem onSelect={() => setAsked("password")}>{text.setPassword}</MenuItem>
          <MenuItem onSelect={enable}>{disabled ? text.enable : text.disable}</MenuItem>
          <MenuSeparator />
          <MenuItem danger onSelect={() => setAsked("delete")}>
            {common.delete}
          </MenuItem>
        </MenuContent>
      </Menu>
      {asked === "password" && <NewPasswordDialog person={person} close={close} />}
      <Confirm
        open={asked === "delete"}
        onOpenChange={close}
        title={text.deleteTitle(name)}
        description={text.deleteHint}
        action={common.delete}
        run={async () => {
          await remove.mutateAsync(id);
          toast(text.deleted(name));
        }}
      />
    </>
  );
}
