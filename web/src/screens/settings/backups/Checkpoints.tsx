import { useState } from "react";

import { type Checkpoint, useCheckpoints, useDeleteCheckpoint } from "@/api/profiles";
import { Button, IconButton } from "@/components/Button";
import { Confirm } from "@/components/Confirm";
import { Icon } from "@/components/Icon";
import { toast } from "@/components/toast";
import { useLocale } from "@/i18n/language";
import { useCommonText } from "@/i18n/common";
import { useBackupsText } from "@/i18n/backups";
import { moment } from "@/lib/time";

import { useRestore } from "./useRestore";

/** The checkpoints of a profile, newest first. */
export function Checkpoints({ name }: { name: string }) {
  const text = useBackupsText();
  const checkpoints = useCheckpoints(name);
  if (checkpoints.error) return <p className="px-4 pb-3 text-danger">{checkpoints.error.message}</p>;
  if (checkpoints.data?.checkpoints.length === 0) return <p className="px-4 pb-3 text-muted">{text.noCheckpoints}</p>;
  return (
    <ul aria-label={`${text.checkpoints}: ${name}`} className="grid gap-1 px-4 pb-3">
      {checkpoints.data?.checkpoints.map((checkpoint) => (
        <CheckpointRow key={checkpoint.timestamp} checkpoint={checkpoint} />
      ))}
    </ul>
  );
}

function CheckpointRow({ checkpoint }: { checkpoint: Checkpoint }) {
  const text = useBackupsText();
  const common = useCommonText();
  const locale = useLocale();
  const [asked, setAsked] = useState<"restore" | "delete">();
  const restore = useRestore();
  const remove = useDeleteCheckpoint();
  const when = moment(checkpoint.created_at, locale);
  const label = text.checkpointOf(checkpoint.profile_name, when);
  return (
    <li className="flex flex-wrap items-center gap-x-3">
      <span className="min-w-40 flex-1">
        {when}{" "}
        <span className="text-[13px] text-muted">{text.contents(checkpoint.speakers_count, checkpoint.segments_count)}</span>
      </span>
      <Button size="small" aria-label={`${text.restore}: ${label}`} onClick={() => setAsked("restore")}>
        {text.restore}
      </Button>
      <IconButton label={`${common.delete}: ${label}`} onClick={() => setAsked("delete")}>
        <Icon name="trash" size={18} />
      </IconButton>
      <Confirm
        open={asked === "restore"}
        onOpenChange={() => setAsked(undefined)}
        title={text.restoreTitle(label)}
        description={text.restoreHint}
        action={text.restore}
        run={() => restore(checkpoint.filename)}
      />
      <Confirm
        open={asked === "delete"}
        onOpenChange={() => setAsked(undefined)}
        title={text.deleteTitle(label)}
        description={text.deleteCheckpointHint}
        action={common.delete}
        run={async () => {
          await remove.mutateAsync(checkpoint);
          toast(text.deleted(label));
        }}
      />
    </li>
  );
}
