/** Short messages at the edge of the page; `Toaster` shows them. */
import { Store, useStore } from "@/lib/store";

export interface Message {
  id: number;
  text: string;
  kind: "done" | "failed";
  action?: { label: string; run: () => void };
  /** Called when the message goes without its action. */
  onGone?: () => void;
}

const messages = new Store<readonly Message[]>([]);
let lastId = 0;

/** Show a message, with a button where something can be taken back. */
export function toast(text: string, options: Partial<Pick<Message, "kind" | "action" | "onGone">> = {}): void {
  messages.set([...messages.snapshot(), { id: ++lastId, text, kind: "done", ...options }]);
}

/** Show why something failed. */
export function toastError(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error), { kind: "failed" });
}

export function removeMessage({ id }: Message): void {
  messages.set(messages.snapshot().filter((each) => each.id !== id));
}

export function useMessages(): readonly Message[] {
  return useStore(messages);
}
