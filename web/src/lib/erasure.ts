import type { Schemas } from "@/api/client";
import { useErasureText } from "@/i18n/erasure";

type Erased = Pick<Schemas["ErasedSpeaker"], "pending" | "deleted_backups"> & { conversation_ids?: readonly number[] };

/** What came of an erasure: what is gone, what stays, and what could not be removed yet. */
export function erasedMessage(name: string, { pending, deleted_backups, conversation_ids = [] }: Erased): string {
  const text = useErasureText.now();
  const parts = [text.erased(name)];
  if (conversation_ids.length) parts.push(text.stays(conversation_ids.length));
  if (pending.length) parts.push(text.pending(pending.join(" ")));
  if (deleted_backups.length) parts.push(text.backupsDeleted(deleted_backups.join(", ")));
  return parts.join(" ");
}
