import { useState } from "react";
import { useNavigate } from "react-router";

import { useMay } from "@/api/me";
import { useDeleteSpeaker, useEraseSpeaker } from "@/api/speakers";
import { Confirm } from "@/components/Confirm";
import { Menu, MenuContent, MenuItem, MenuSeparator, MoreTrigger } from "@/components/Menu";
import { useSayUndoable } from "@/components/naming/useSayUndoable";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { useErasureText } from "@/i18n/erasure";
import { usePeopleText } from "@/i18n/people";
import { erasedMessage } from "@/lib/erasure";

import { EnrollDialog } from "./EnrollDialog";
import { MergeDialog } from "./MergeDialog";
import { RenameDialog } from "./RenameDialog";
import type { Voice } from "./voices";

/** What can be done with a person. */
export function PersonMenu({ voice }: { voice: Voice }) {
  const text = usePeopleText();
  const erasure = useErasureText();
  const common = useCommonText();
  const navigate = useNavigate();
  const [mayWrite, mayDelete] = [useMay("writer"), useMay("admin")];
  const [asked, setAsked] = useState<"rename" | "sample" | "merge" | "delete" | "erase">();
  const close = () => setAsked(undefined);
  return (
    <>
      <Menu>
        <MoreTrigger label={text.more(voice.name)} />
        <MenuContent>
          <MenuItem onSelect={() => void navigate(`/?speaker=${voice.id}`)}>{text.conversations}</MenuItem>
          {mayWrite && (
            <>
              <MenuItem onSelect={() => setAsked("rename")}>{text.rename}</MenuItem>
              <MenuItem onSelect={() => setAsked("sample")}>{text.addSample}</MenuItem>
              <MenuItem onSelect={() => setAsked("merge")}>{text.mergeInto}</MenuItem>
            </>
          )}
          {mayDelete && (
            <>
              <MenuSeparator />
              <MenuItem onSelect={() => setAsked("delete")}>{common.delete}</MenuItem>
              <MenuItem danger onSelect={() => setAsked("erase")}>
                {erasure.erase}
              </MenuItem>
            </>
          )}
        </MenuContent>
      </Menu>
      {asked === "rename" && <RenameDialog voice={voice} close={close} />}
      {asked === "sample" && <EnrollDialog voice={voice} close={close} />}
      {asked === "merge" && <MergeDialog voice={voice} close={close} />}
      <Removals voice={voice} asked={asked} close={close} />
    </>
  );
}

function Removals({ voice, asked, close }: { voice: Voice; asked: string | undefined; close: () => void }) {
  const text = usePeopleText();
  const erasure = useErasureText();
  const common = useCommonText();
  const remove = useDeleteSpeaker();
  const erase = useEraseSpeaker();
  const say = useSayUndoable();
  return (
    <>
      <Confirm
        open={asked === "delete"}
        onOpenChange={close}
        title={text.deleteTitle(voice.name)}
        description={text.deleteHint}
        action={common.delete}
        run={async () => {
          const { change } = await remove.mutateAsync(voice.id);
          say(text.deleted(voice.name), change);
        }}
      />
      <Confirm
        open={asked === "erase"}
        onOpenChange={close}
        title={erasure.eraseTitle(voice.name)}
        description={erasure.personHint}
        action={erasure.erase}
        run={async () => {
          toast(erasedMessage(voice.name, await erase.mutateAsync(voice.id)));
        }}
      />
    </>
  );
}
