import { useState } from "react";
import { useNavigate } from "react-router";

import type { ConversationHead } from "@/api/conversations";
import { useMay, useMe } from "@/api/me";
import { Button } from "@/components/Button";
import { Icon, type IconName } from "@/components/Icon";
import { Menu, MenuContent, MenuItem, MenuSeparator, MoreTrigger } from "@/components/Menu";
import { useActionsText } from "@/i18n/actions";
import { useCommonText } from "@/i18n/common";
import { useEditingText } from "@/i18n/editing";
import { useErasureText } from "@/i18n/erasure";
import { useSharingText } from "@/i18n/sharing";
import { deleteWithUndo } from "@/lib/deleteWithUndo";
import { titleOf } from "@/lib/titles";

import { useSession } from "../context";
import { ActionDialogs, type Asked } from "./ActionDialogs";
import { ExportMenu } from "./ExportMenu";

/** What can be done with the whole conversation. */
export function Actions({ head }: { head: ConversationHead }) {
  const text = useActionsText();
  const common = useCommonText();
  const editing = useEditingText();
  const erasure = useErasureText();
  const sharing = useSharingText();
  const navigate = useNavigate();
  const { editor, doubts } = useSession();
  const [mayWrite, mayDelete] = [useMay("writer"), useMay("admin")];
  const mayShare = useMayShare(head);
  const [asked, setAsked] = useState<Asked>();
  const remove = () => {
    deleteWithUndo([head.id], text.deleted(titleOf(head.title) ?? text.untitled), common.undo);
    void navigate("/");
  };
  const item = (icon: IconName, label: string, run: () => void, danger = false) => (
    <MenuItem onSelect={run} danger={danger}>
      <Icon name={icon} size={17} />
      {label}
    </MenuItem>
  );
  return (
    <>
      <ExportMenu id={head.id} />
      {mayWrite && <Button onClick={() => setAsked("reprocess")}>{text.reprocess}</Button>}
      {mayWrite && (
        <Menu modal={false}>
          <MoreTrigger kind="plain" label={text.more} />
          <MenuContent onCloseAutoFocus={(event) => event.preventDefault()}>
            {item("undo", text.undo, () => void editor.undo())}
            {item("redo", text.redo, () => void editor.redo())}
            {item("search", text.replace, () => editor.setReplacing(true))}
            {item("help", editing.doubtNext, () => void doubts.go(1))}
            {item("people", text.match, () => setAsked("match"))}
            {mayShare && item("link", sharing.share, () => setAsked("share"))}
            {mayDelete && (
              <>
                <MenuSeparator />
                {item("trash", common.delete, remove, true)}
                {item("trash", erasure.erase, () => setAsked("erase"), true)}
              </>
            )}
          </MenuContent>
        </Menu>
      )}
      <ActionDialogs head={head} asked={asked} close={() => setAsked(undefined)} />
    </>
  );
}

/** Where people log in, its owner and administrators say who sees a conversation. */
function useMayShare({ owner }: ConversationHead): boolean {
  const me = useMe().data?.principal;
  const [mayWrite, isAdmin] = [useMay("writer"), useMay("admin")];
  return mayWrite && me !== "local" && (isAdmin || me === `person:${owner ?? ""}`);
}
