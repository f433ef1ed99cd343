import { useConversationText } from "@/i18n/conversation";
import { clock } from "@/lib/time";

import { useSession } from "../context";

/** A time that plays the recording from there. */
export function TimeButton({ seconds }: { seconds: number }) {
  const text = useConversationText();
  const { player } = useSession();
  return (
    <button
      type="button"
      aria-label={text.playFrom(clock(seconds))}
      onClick={() => player.playFrom(seconds)}
      className="min-h-6 rounded-sm text-accent tabular-nums hover:underline"
    >
      {clock(seconds)}
    </button>
  );
}
