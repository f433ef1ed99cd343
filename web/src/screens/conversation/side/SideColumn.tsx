import type { ConversationHead } from "@/api/conversations";
import { useConversationText } from "@/i18n/conversation";

import { Details } from "./Details";
import { Felt } from "./Felt";
import { Notes } from "./Notes";
import { SpeakersPanel } from "./SpeakersPanel";
import { Suggestions } from "./Suggestions";
import { SummaryPanel } from "./SummaryPanel";

/** What there is to know about the conversation, beside its transcript. */
export function SideColumn({ head }: { head: ConversationHead }) {
  const text = useConversationText();
  return (
    <aside
      aria-label={text.about}
      className="grid grid-cols-[minmax(0,1fr)] content-start gap-7 lg:sticky lg:top-5 lg:max-h-[calc(100dvh-100px)] lg:self-start lg:overflow-y-auto"
    >
      <SummaryPanel />
      <SpeakersPanel />
      <Suggestions />
      <Felt />
      <Notes notes={head.notes} />
      <Details head={head} />
    </aside>
  );
}
