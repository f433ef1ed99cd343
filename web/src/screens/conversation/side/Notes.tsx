import type { ConversationHead } from "@/api/conversations";
import { useConversationText } from "@/i18n/conversation";

import { Part } from "./Part";
import { TimeButton } from "./TimeButton";

/** What processing left out or changed, and why. */
export function Notes({ notes }: { notes: ConversationHead["notes"] }) {
  const text = useConversationText();
  if (notes.length === 0) return null;
  return (
    <Part title={text.notes}>
      <ul className="grid max-h-80 gap-2 overflow-y-auto text-[13.5px]">
        {notes.map((note, number) => (
          <li key={number} className="flex items-baseline gap-2">
            {note.start != null && <TimeButton seconds={note.start} />}
            <span className="text-muted">{note.message}</span>
          </li>
        ))}
      </ul>
    </Part>
  );
}
