import { useState } from "react";

import { useMay } from "@/api/me";
import { useDeleteUnknown } from "@/api/speakers";
import { Button } from "@/components/Button";
import { Confirm } from "@/components/Confirm";
import { Menu, MenuContent, MenuItem, MoreTrigger } from "@/components/Menu";
import { toast } from "@/components/toast";
import { useCommonText } from "@/i18n/common";
import { usePeopleText } from "@/i18n/people";

import { UnknownVoice } from "./UnknownVoice";
import type { Voice } from "./voices";

const SHOWN_AT_FIRST = 6;

/** Voices without a name, those heard longest first. */
export function Inbox({ voices }: { voices: readonly Voice[] }) {
  const text = usePeopleText();
  const common = useCommonText();
  const mayDelete = useMay("admin");
  const deleteUnknown = useDeleteUnknown();
  const [asking, setAsking] = useState(false);
  const [all, setAll] = useState(false);
  const shown = all ? voices : voices.slice(0, SHOWN_AT_FIRST);
  return (
    <section aria-labelledby="inbox">
      <div className="mb-3 flex items-start">
        <div className="grow">
          <h2 id="inbox" className="font-semibold">
            {text.inbox}
          </h2>
          <p className="text-[13px] text-muted">{text.inboxHint}</p>
        </div>
        {mayDelete && (
          <Menu>
            <MoreTrigger label={text.more(text.inbox)} />
            <MenuContent>
              <MenuItem danger onSelect={() => setAsking(true)}>
                {text.deleteUnknown}
              </MenuItem>
            </MenuContent>
          </Menu>
        )}
      </div>
      <ul className="divide-y divide-line rounded-panel border border-line bg-panel">
        {shown.map((voice) => (
          <UnknownVoice key={voice.id} voice={voice} />
        ))}
      </ul>
      {shown.length < voices.length && (
        <Button kind="quiet" className="mt-2" onClick={() => setAll(true)}>
          {text.showAll(voices.length)}
        </Button>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={text.deleteUnknown}
        description={text.deleteUnknownHint(voices.length)}
        action={common.delete}
        run={async () => {
          const { deleted_count } = await deleteUnknown.mutateAsync(undefined);
          toast(text.deletedUnknown(deleted_count));
        }}
      />
    </section>
  );
}
