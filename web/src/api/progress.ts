import { useQuery } from "@tanstack/react-query";

import { client, data } from "./client";

export const progressKey = (id: number) => ["progress", id] as const;

/** How far the work on a conversation is, while `wanted`. `events.ts` keeps it up to date, and reads the conversation again at the end. */
export function useProgress(id: number, wanted: boolean) {
  return useQuery({
    queryKey: progressKey(id),
    queryFn: () =>
      data(client.GET("/api/v1/conversations/{conversation_id}/progress", { params: { path: { conversation_id: id } } })),
    enabled: wanted,
  });
}
