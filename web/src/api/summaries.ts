import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { client, data, type Schemas } from "./client";
import { conversationKeys } from "./conversations";

export type Summary = Schemas["Summary"];
export type Statement = Schemas["Statement"];
export type ActionItem = Schemas["ActionItem"];

export function summaryKey(id: number) {
  return [...conversationKeys.one(id), "summary"] as const;
}

/** What a language model wrote about the conversation, and the work on it. */
export function useSummary(id: number) {
  return useQuery({
    queryKey: summaryKey(id),
    queryFn: () =>
      data(client.GET("/api/v1/conversations/{conversation_id}/summary", { params: { path: { conversation_id: id } } })),
  });
}

/** Have the conversation summarised. */
export function useSummarise(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      data(client.POST("/api/v1/conversations/{conversation_id}/summary", { params: { path: { conversation_id: id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: summaryKey(id) }),
  });
}
