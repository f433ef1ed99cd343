import type { QueryClient, QueryKey } from "@tanstack/react-query";

import type { Schemas } from "./client";
import { conversationKeys, statusInLists } from "./conversations";
import { jobKeys } from "./jobs";
import { SEARCH } from "./search";
import { speakersKey, withNames } from "./speakers";
import { summaryKey } from "./summaries";
import { TAGS } from "./tags";

export type Change = Schemas["ConversationEvent"] | Schemas["JobStateEvent"] | Schemas["SpeakersEvent"];

/** The keys of what has to be read again after a change. */
export function invalidated(change: Change, queries: QueryClient): QueryKey[] {
  switch (change.type) {
    case "job":
      if (change.kind === "summary") return [summaryKey(change.conversation_id)];
      return change.finished_at === null ? [] : [jobKeys.all];
    case "speakers":
      return ofSpeakers(change);
    case "conversation":
      return ofConversation(change, queries);
  }
}

function ofSpeakers({ renamed, deleted, segments }: Schemas["SpeakersEvent"]): QueryKey[] {
  const shown = renamed.length + deleted.length + segments.length > 0;
  return [speakersKey, ...(shown ? withNames : [])];
}

function ofConversation({ id, changes, status }: Schemas["ConversationEvent"], queries: QueryClient): QueryKey[] {
  // The progress of a job is such a change, too; the list does not show it.
  if (changes.every((aspect) => aspect === "status") && status === "processing" && statusInLists(queries, id) === status)
    return [];
  const keys: QueryKey[] = [conversationKeys.lists, conversationKeys.one(id)];
  if (changes.includes("tags") || changes.includes("deleted")) keys.push(TAGS);
  if (changes.includes("transcript") || changes.includes("deleted")) keys.push(SEARCH);
  return keys;
}
