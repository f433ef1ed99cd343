import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";

import type { Schemas } from "@/api/client";
import { changeConversation, type ConversationHead, conversationKeys } from "@/api/conversations";
import { readAgain } from "@/api/readAgain";
import { TAGS } from "@/api/tags";
import { toastError } from "@/components/toast";

const mutationKey = ["conversation", "change"] as const;

type Pages = InfiniteData<Schemas["Conversations"]>;

/** Change the title or the tags of a conversation; its page and the lists show it at once. */
export function useConversationChange(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationKey,
    mutationFn: (change: Schemas["ConversationUpdate"]) => changeConversation(id, change),
    onMutate: async ({ title, tags }) => {
      // What is being read may be older than the change; it is read again afterwards.
      const keys = [conversationKeys.one(id), conversationKeys.lists];
      await Promise.all(keys.map((queryKey) => queries.cancelQueries({ queryKey })));
      const shown = { ...(title != null && { title }), ...(tags && { tags }) };
      queries.setQueryData<ConversationHead>(conversationKeys.one(id), (head) => head && { ...head, ...shown });
      queries.setQueriesData<Pages>(
        { queryKey: [...conversationKeys.lists, "list"] },
        (list) => list && withChange(list, id, shown),
      );
    },
    onError: toastError,
    onSettled: async () => {
      // Otherwise the last of several changes does it, as the answer would have the first of them alone.
      if (queries.isMutating({ mutationKey }) === 1)
        await readAgain(queries, conversationKeys.one(id), conversationKeys.lists, TAGS);
    },
  });
}

function withChange(list: Pages, id: number, change: { title?: string; tags?: string[] }): Pages {
  const pages = list.pages.map((page) => ({
    ...page,
    conversations: page.conversations.map((each) => (each.id === id ? { ...each, ...change } : each)),
  }));
  return { ...list, pages };
}
