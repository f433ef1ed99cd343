/** Deletions that can be undone: the requests are sent when the message with the button has gone, or the page is left. */
import { queryClient } from "@/app/queryClient";
import { changeMany } from "@/api/bulk";
import { conversationKeys } from "@/api/conversations";
import { readAgain } from "@/api/readAgain";
import { TAGS } from "@/api/tags";
import { toast, toastError } from "@/components/toast";

import { Store, useStore } from "./store";

/** Deleted for the reader; the list leaves them out. */
const hidden = new Store<ReadonlySet<number>>(new Set());
/** Of these, those for which no request was sent. */
const unsent = new Set<number>();

export function useHidden(): ReadonlySet<number> {
  return useStore(hidden);
}

function change(ids: readonly number[], hide: boolean): void {
  const next = new Set(hidden.snapshot());
  for (const id of ids) {
    if (hide) next.add(id);
    else next.delete(id);
  }
  hidden.set(next);
}

/** Delete conversations, with a message that has a button to undo it. */
export function deleteWithUndo(ids: readonly number[], message: string, undo: string): void {
  change(ids, true);
  for (const id of ids) unsent.add(id);
  window.addEventListener("pagehide", sendAll);
  toast(message, {
    action: {
      label: undo,
      run: () => {
        for (const id of ids) unsent.delete(id);
        change(ids, false);
      },
    },
    onGone: () => void send(ids),
  });
}

async function send(ids: readonly number[]): Promise<void> {
  const due = ids.filter((id) => unsent.delete(id));
  if (!due.length) return;
  try {
    const [failure] = await changeMany(due, { action: "delete" });
    if (failure) toastError(failure.error);
  } catch (error) {
    toastError(error);
  }
  await readAgain(queryClient, conversationKeys.lists, TAGS);
  change(due, false); // those that could not be deleted are shown again
}

/** The page is left: nothing can be undone any more. */
function sendAll(): void {
  const due = [...unsent];
  unsent.clear();
  if (due.length) void changeMany(due, { action: "delete" }, true);
}
