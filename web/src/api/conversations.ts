import { type InfiniteData, keepPreviousData, type QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import { NO_OPTIONS, type ProcessingOptions } from "@/lib/processingOptions";

import type { paths } from "./schema";

/** A conversation without its segments, which `segments.ts` reads in pages. */
export type ConversationHead = Omit<Schemas["Conversation"], "segments" | "transcript_segments">;
export type ListedConversation = Schemas["ConversationListItem"];
type ListQuery = NonNullable<paths["/api/v1/conversations"]["get"]["parameters"]["query"]>;
/** What a list is filtered by. */
export type ListFilters = Omit<ListQuery, "skip" | "limit" | "cursor" | "include">;

export const conversationKeys = {
  /** All lists, whatever they are filtered by. */
  lists: ["conversations"] as const,
  list: (filters: ListFilters) => ["conversations", "list", filters] as const,
  processing: ["conversations", "processing"] as const,
  /** Every conversation with all that belongs to it. */
  each: ["conversation"] as const,
  one: (id: number) => ["conversation", id] as const,
};

const PAGE_ROWS = 100;

/** The conversations that fulfil the filters, newest first, page by page. */
export function useConversationList(filters: ListFilters) {
  return useInfiniteQuery({
    queryKey: conversationKeys.list(filters),
    queryFn: ({ pageParam, signal }) => {
      const paging = { limit: PAGE_ROWS, ...(pageParam && { cursor: pageParam }) };
      const query: ListQuery = { ...filters, ...paging, include: ["participants", "timeline"] };
      return data(client.GET("/api/v1/conversations", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

/** The newest thousand conversations that fulfil the filters. */
export function useMatching(filters: ListFilters, enabled: boolean) {
  return useQuery({
    queryKey: [...conversationKeys.lists, "matching", filters],
    queryFn: ({ signal }) =>
      data(client.GET("/api/v1/conversations", { params: { query: { ...filters, limit: 1000 } }, signal })),
    enabled,
  });
}

/** The status of a conversation as it was read last for a list; undefined where it is in none. */
export function statusInLists(queries: QueryClient, id: number): string | undefined {
  const lists = queries.getQueriesData<InfiniteData<Schemas["Conversations"]>>({
    queryKey: [...conversationKeys.lists, "list"],
  });
  for (const [, list] of lists) {
    for (const { conversations } of list?.pages ?? []) {
      const found = conversations.find((conversation) => conversation.id === id);
      if (found) return found.status;
    }
  }
  return undefined;
}

/** The conversations that are being processed. */
export function useProcessing() {
  return useQuery({
    queryKey: conversationKeys.processing,
    queryFn: () => data(client.GET("/api/v1/conversations", { params: { query: { status: "processing", limit: 1000 } } })),
  });
}

export function useConversation(id: number) {
  return useQuery({
    queryKey: conversationKeys.one(id),
    queryFn: ({ signal }): Promise<ConversationHead> =>
      data(
        client.GET("/api/v1/conversations/{conversation_id}", {
          params: { path: { conversation_id: id }, query: { segments: false } },
          signal,
        }),
      ),
  });
}

/** Change the title or all tags. */
export function changeConversation(id: number, body: Schemas["ConversationUpdate"]) {
  return data(client.PATCH("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id } }, body }));
}

/** Match the voices with the people who are known now. */
export function rematchConversation(id: number) {
  return data(client.POST("/api/v1/conversations/{conversation_id}/rematch", { params: { path: { conversation_id: id } } }));
}

/** Remove a conversation for good, also from backups and the undo history. */
export function eraseConversation(id: number) {
  return data(client.POST("/api/v1/conversations/{conversation_id}/erase", { params: { path: { conversation_id: id } } }));
}

/** Queue a recording to be processed again. Options that are empty are the application's choice. */
export function reprocessConversation(id: number, options: ProcessingOptions = NO_OPTIONS) {
  const { language, num_speakers, hotwords, model } = options;
  const query = {
    wait: false,
    ...(language && { language }),
    ...(num_speakers && { num_speakers: Number(num_speakers) }),
    ...(hotwords && { hotwords }),
    ...(model && { model }),
  };
  const params = { path: { conversation_id: id }, query };
  return data(client.POST("/api/v1/conversations/{conversation_id}/reprocess", { params }));
}
