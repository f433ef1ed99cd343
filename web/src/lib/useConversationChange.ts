import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";

import type { Schemas } from "@/api/client";
import { changeConversation, type ConversationHead, conversationKeys } from "@/api/conversations";
import { readAgain } from "@/api/readAgain";
import { TAGS } from "@/api/tags";
import { toastError } from "@/components/toast";

type Pages = InfiniteData<Schemas["Conversations"]>;

/** Change the title or the tags of a conversation; its page and the lists show it at once. */
export function useConversationChange(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (change: Schemas["ConversationUpdate"]) => changeConversation(id, change),
    onMutate: ({ title, tags }) => {
      const shown = { ...(title != null && { title }), ...(tags && { tags }) };
      queries.setQueryData<ConversationHead>(conversationKeys.one(id), (head) => head && { ...head, ...shown });
      queries.setQueriesData<Pages>(
        { queryKey: [...conversationKeys.lists, "list"] },
        (list) => list && withChange(list, id, shown),
      );
    },
    onError: (error) => {
      toastError(error);
      return readAgain(queries, conversationKeys.one(id));
    },
    onSettled: (_data, _error, { tags }) => readAgain(queries, conversationKeys.lists, ...(tags ? [TAGS] : [])),
  });
}

function withChange(list: Pages, id: number, change: { title?: string; tags?: string[] }): Pages {
  const pages = list.pages.map((page) => ({
    ...page,
    conversations: page.conversations.map((each) => (each.id === id ? { ...each, ...change } : each)),
  }));
  return { ...list, pages };
}
